import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { clock } from "../page/duration";
import type { Choice, Message } from "./api";
import type { Actions, Pending, Talk } from "./talk";
import type { Texts } from "./text";

// Transcript shows what was said, oldest first, and follows the end unless the citizen has scrolled up. All words are text.
export function Transcript({ actions, talk, text }: { actions: Actions; talk: Talk; text: Texts }) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [below, setBelow] = useState(false);
  const newest = talk.messages.at(-1)?.id ?? 0;
  const open = openChoices(talk);
  const scroll = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };

  useLayoutEffect(() => {
    if (atEnd.current) scroll();
    else setBelow(true);
  }, [newest]);
  useEffect(() => {
    atEnd.current = true;
    scroll();
  }, [talk.pending.length]);

  return (
    <div class="scroller">
      <div
        ref={box}
        class="transcript"
        role="log"
        aria-label={text.conversation}
        tabIndex={0}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          atEnd.current = scrollHeight - scrollTop - clientHeight < 48;
          if (atEnd.current) setBelow(false);
        }}
      >
        <p class="caution">{text.caution}</p>
        {talk.messages.length === 0 && talk.pending.length === 0 && <p class="hello">{text.hello}</p>}
        {talk.messages.map((message) => (
          <Line
            key={message.id}
            message={message}
            language={talk.language}
            tap={message.id === open ? (choice) => actions.tap(choice) : null}
            text={text}
          />
        ))}
        {talk.pending.map((pending) => (
          <Unsent key={pending.clientId} pending={pending} down={talk.line === "down"} again={() => actions.again(pending)} text={text} />
        ))}
      </div>
      {below && (
        <button type="button" class="button strong newer" onClick={scroll}>
          {text.newer} ↓
        </button>
      )}
    </div>
  );
}

// openChoices is the id of the message whose choices may be tapped: the newest that is not the citizen's, until they answer.
function openChoices(talk: Talk): number {
  const last = talk.messages.at(-1);
  return last && last.from !== "citizen" && talk.pending.every((pending) => pending.refused) ? last.id : 0;
}

interface LineProps {
  message: Message;
  language: string;
  tap: ((choice: Choice) => void) | null;
  text: Texts;
}

function Line({ message, language, tap, text }: LineProps) {
  const mine = message.from === "citizen";
  return (
    <div class={mine ? "line mine" : `line ${message.from}`}>
      {message.text !== "" && (
        <p class="bubble said" dir="auto">
          {message.text}
        </p>
      )}
      {message.link && message.link.url.startsWith("https://") && (
        <p class="bubble said" dir="auto">
          <a href={message.link.url} target="_blank" rel="noopener noreferrer">
            {message.link.title || text.picture} ↗
          </a>
        </p>
      )}
      {tap && message.choices && message.choices.length > 0 && (
        <div class="choices" role="group" aria-label={text.choose}>
          {message.choices.map((choice) => (
            <button type="button" class="button" key={choice.id} dir="auto" onClick={() => tap(choice)}>
              {choice.title}
            </button>
          ))}
        </div>
      )}
      <p class="meta">
        {mine ? text.you : message.from === "bot" ? text.bot : text.agent} ·{" "}
        <time dateTime={message.at}>{clock(message.at, language)}</time>
        {message.state === "failed" && <span class="bad"> · {text.failed}</span>}
      </p>
    </div>
  );
}

function Unsent({ pending, down, again, text }: { pending: Pending; down: boolean; again: () => void; text: Texts }) {
  return (
    <div class="line mine unsent">
      <p class="bubble said" dir="auto">
        {pending.text}
      </p>
      <p class="meta">
        {pending.refused ? (
          <>
            <span class="bad">{text.refused}</span>{" "}
            <button type="button" class="button plain" onClick={again}>
              {text.again}
            </button>
          </>
        ) : down ? (
          text.waits
        ) : (
          text.sending
        )}
      </p>
    </div>
  );
}
