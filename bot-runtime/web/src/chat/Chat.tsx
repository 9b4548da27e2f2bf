import { useEffect } from "preact/hooks";

import { pick } from "../page/language";
import { Languages } from "../page/Languages";
import { Mark } from "../page/Mark";
import { useModel } from "../page/model";
import { Forget } from "./Forget";
import { SayBox } from "./SayBox";
import type { Actions, Talk } from "./talk";
import { type Texts, texts } from "./text";
import { Transcript } from "./Transcript";

// Chat is the whole page. leave closes it where it runs in the widget's frame; null on a page of its own.
export function Chat({ actions, leave }: { actions: Actions; leave: (() => void) | null }) {
  const talk = useModel(actions.model);
  const text = texts[talk.language];
  const title = titleOf(talk);

  useEffect(() => {
    document.documentElement.lang = talk.language;
    if (title) document.title = title;
  }, [talk.language, title]);
  useEffect(() => {
    if (!leave) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") leave();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [leave]);

  if (talk.phase !== "open") return <Opening talk={talk} text={text} />;
  return (
    <div class={leave ? "chat framed" : "chat"}>
      <header class="top">
        <Mark />
        <div class="titles">
          <h1 dir="auto">{title}</h1>
          <p dir="auto">{subtitleOf(talk)}</p>
        </div>
        <Languages label={text.language} languages={talk.languages} language={talk.language} choose={(l) => actions.speak(l)} />
        {leave && (
          <button type="button" class="button plain leave" aria-label={text.close} onClick={leave}>
            <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
              <path d="M5 5l10 10M15 5L5 15" />
            </svg>
          </button>
        )}
      </header>
      <div role="status">{talk.line === "down" && <p class="linedown">{text.offline}</p>}</div>
      <main class="talk">
        <Transcript actions={actions} talk={talk} text={text} />
        <SayBox actions={actions} draft={talk.draft} text={text} />
        {(talk.messages.length > 0 || talk.pending.length > 0) && <Forget actions={actions} text={text} />}
      </main>
    </div>
  );
}

function Opening({ talk, text }: { talk: Talk; text: Texts }) {
  const words = talk.phase === "notThere" ? text.notThere : talk.trouble ? text.cannotOpen : text.loading;
  return (
    <main class="opening">
      <p role="status">{words}</p>
    </main>
  );
}

function titleOf(talk: Talk): string {
  return pick(talk.config?.title, talk.language) || pick(talk.config?.tenant, talk.language);
}

function subtitleOf(talk: Talk): string {
  const tenant = pick(talk.config?.tenant, talk.language);
  return tenant === titleOf(talk) ? "" : tenant;
}
