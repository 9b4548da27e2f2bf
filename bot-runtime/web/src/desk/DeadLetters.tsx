import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { Ask, useAsking } from "../page/Ask";
import { day } from "../page/duration";
import type { Written } from "./api";
import type { Actions, Counter } from "./counter";
import type { Letter, Letters } from "./letters";
import { whyDead } from "./reason";
import { Said } from "./Said";
import type { TextKey, Texts } from "./text";

interface Props {
  actions: Actions;
  counter: Counter;
  letters: Letters;
  text: Texts;
}

// DeadLetters is a supervisor's list of what was given up, in the place of the conversations.
export function DeadLetters({ actions, counter, letters, text }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const held = counter.state?.conversations.length ?? 0;
  return (
    <main
      class="letters"
      aria-busy={letters.reading}
      onKeyDown={(event) => {
        if (event.key === "Escape") actions.supervision.hide();
      }}
    >
      <div class="letters-head">
        <h2 ref={heading} tabIndex={-1}>
          {text.dead}
        </h2>
        <button type="button" class="button" onClick={() => actions.supervision.hide()}>
          {text.deadBack}
          {held > 0 && ` (${held})`}
        </button>
        <p>{text.deadLead}</p>
      </div>
      {letters.list.length === 0 && <p role="status">{letters.reading ? text.loading : text.deadNone}</p>}
      <ol class="letter-list">
        {letters.list.map((letter) => (
          <li key={letter.id}>
            <OneLetter actions={actions} letter={letter} language={counter.language} text={text} />
          </li>
        ))}
      </ol>
      {letters.more && letters.list.length > 0 && (
        <button type="button" class="button" disabled={letters.reading} onClick={() => void actions.supervision.readMore()}>
          {text.deadMore}
        </button>
      )}
    </main>
  );
}

const titles: Record<Letter["what"], TextKey> = { message: "deadMessage", timer: "deadTimer", closed: "deadClosed", send: "deadSend" };

interface LetterProps {
  actions: Actions;
  letter: Letter;
  language: string;
  text: Texts;
}

function OneLetter({ actions, letter, language, text }: LetterProps) {
  const outcome = useRef<HTMLParagraphElement>(null);
  const decided = letter.decided !== null;
  useLayoutEffect(() => {
    if (decided) outcome.current?.focus(); // the buttons, one of which had the focus, are gone
  }, [decided]);
  const name = letter.contact.name || `${text.unnamed} ${letter.conversation}`;
  const title = `letter-${letter.id}`;
  return (
    <article class={decided ? "letter decided" : "letter"} aria-labelledby={title} data-letter={letter.id}>
      <h3 id={title}>
        {text[titles[letter.what]]}: <bdi>{name}</bdi>
      </h3>
      <p class="facts">
        {letter.channel && <span class="badge">{letter.channel}</span>}
        <time dateTime={letter.at}>{day(letter.at, language)}</time>
        {letter.attempts > 0 && (
          <span>
            {text.deadTries} {letter.attempts}×
          </span>
        )}
      </p>
      {decided ? (
        <p class={letter.decided === "deadGone" ? "outcome gone" : "outcome"} ref={outcome} tabIndex={-1}>
          {text[letter.decided ?? "deadGone"]}
        </p>
      ) : (
        <Undecided actions={actions} letter={letter} name={name} text={text} />
      )}
    </article>
  );
}

function Undecided({ actions, letter, name, text }: { actions: Actions; letter: Letter; name: string; text: Texts }) {
  const { asking, setAsking, button } = useAsking();
  const sent = letter.what === "send";
  const again = sent ? text.deadSendAgain : text.deadHandleAgain;
  return (
    <>
      <div>
        {text[whyDead(letter)]}
        <details class="why">
          <summary>{text.details}</summary>
          <bdi class="said">{letter.reason}</bdi>
        </details>
      </div>
      {letter.written === undefined ? (
        <button
          type="button"
          class="button plain reads"
          aria-label={`${text.deadRead}: ${name}`}
          disabled={letter.busy}
          onClick={() => void actions.supervision.read(letter.id)}
        >
          {text.deadRead}
        </button>
      ) : (
        <WhatWasWritten written={letter.written} text={text} />
      )}
      {letter.problem && (
        <p class="stays" role="alert">
          {text[letter.problem]}
        </p>
      )}
      {asking ? (
        <Ask
          question={sent ? text.deadDropSendAsk : text.deadDropAsk}
          yes={text.deadDropYes}
          no={text.cancel}
          answer={(yes) => {
            setAsking(false);
            if (yes) void actions.supervision.drop(letter.id);
          }}
        />
      ) : (
        <div class="letter-acts">
          <p>{sent ? text.deadSendHint : text.deadHandleHint}</p>
          <button
            type="button"
            class="button strong"
            aria-label={`${again}: ${name}`}
            disabled={letter.busy}
            onClick={() => void actions.supervision.replay(letter.id)}
          >
            {again}
          </button>
          <button
            type="button"
            class="button"
            ref={button}
            aria-label={`${text.deadDrop}: ${name}`}
            disabled={letter.busy}
            onClick={() => setAsking(true)}
          >
            {text.deadDrop}
          </button>
        </div>
      )}
    </>
  );
}

function WhatWasWritten({ written, text }: { written: Written | null; text: Texts }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => box.current?.focus(), []); // where the button was
  return (
    <div class="bubble written" ref={box} tabIndex={-1}>
      {written ? <Said written={written} text={text} /> : <p class="media">{text.deadNothing}</p>}
    </div>
  );
}
