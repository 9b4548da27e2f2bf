import { useLayoutEffect, useRef } from "preact/hooks";

import { type Language, pick } from "../page/language";
import type { DirectoryAnswer, Entry, Outcome } from "./api";
import type { Actions, Counter } from "./counter";
import { type LookUp, longestLookUp } from "./search";
import type { TextKey, Texts } from "./text";

interface Props {
  actions: Actions;
  counter: Counter;
  lookUp: LookUp;
  text: Texts;
}

// LookUpBar searches the tenant's directories, over the conversations and without leaving them.
export function LookUpBar({ actions, counter, lookUp, text }: Props) {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  const { answered, asking, problem } = lookUp;
  return (
    <section
      class="lookup"
      aria-label={text.lookUp}
      onKeyDown={(event) => {
        if (event.key === "Escape") actions.search.hide();
      }}
    >
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          void actions.search.ask();
        }}
      >
        <label for="lookup">{text.lookUpLabel}</label>
        <input
          id="lookup"
          ref={field}
          class="field"
          dir="auto"
          autocomplete="off"
          spellcheck={false}
          maxLength={longestLookUp}
          value={lookUp.text}
          onInput={(event) => actions.search.type(event.currentTarget.value)}
        />
        <button type="submit" class="button strong" disabled={asking || lookUp.text.trim() === ""}>
          {text.lookUpAsk}
        </button>
        <button type="button" class="button plain" onClick={() => actions.search.hide()}>
          {text.lookUpClose}
        </button>
      </form>
      <div class="found" role="status" aria-busy={asking}>
        {problem && <p class="stays">{text[problem]}</p>}
        {answered?.answers.map((answer) => (
          <Found key={answer.directory} answer={answer} language={counter.language} text={text} />
        ))}
      </div>
    </section>
  );
}

const outcomes: Record<Outcome, TextKey> = {
  exact: "foundExact",
  confident: "foundConfident",
  ambiguous: "foundAmbiguous",
  lookalike: "foundLookalike",
  "listed-illegal": "foundIllegal",
  none: "foundNone",
};

function Found({ answer, language, text }: { answer: DirectoryAnswer; language: Language; text: Texts }) {
  const title = `found-${answer.directory}`;
  return (
    <article class="answer" aria-labelledby={title} data-outcome={answer.outcome}>
      <h2 id={title}>
        <span class="outcome-of">{text[outcomes[answer.outcome]]}</span> <span class="badge">{answer.directory}</span>
      </h2>
      {answer.entries.length > 0 && (
        <ul>
          {answer.entries.map((entry) => (
            <li key={entry.id}>
              {answer.outcome === "lookalike" && text.foundReal}{" "}
              <OneEntry entry={entry} language={language} text={text} />
            </li>
          ))}
        </ul>
      )}
      <p class="reason">{pick(answer.why, language)}</p>
    </article>
  );
}

function OneEntry({ entry, language, text }: { entry: Entry; language: Language; text: Texts }) {
  const facts: [string, string | undefined][] = [
    [text.entryLicence, entry.licence],
    [text.entryType, entry.type],
    [text.entrySites, entry.sites?.join(", ")],
    [text.entryPhones, entry.phones?.join(", ")],
    [text.entryEmails, entry.emails?.join(", ")],
    ...(entry.shown ?? []).map(({ name, label, value }): [string, string] => [label ? pick(label, language) : name, value]),
  ];
  return (
    <>
      <strong>
        <bdi>{entry.name}</bdi>
      </strong>{" "}
      <span class={entry.status === "licensed" ? "status good" : "status bad"}>
        {entry.status === "licensed" ? text.entryLicensed : text.entryIllegal}
      </span>
      <dl>
        {facts
          .filter(([, value]) => value)
          .map(([title, value], i) => (
            <div key={i}>
              <dt>
                <bdi>{title}</bdi>
              </dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
      </dl>
    </>
  );
}
