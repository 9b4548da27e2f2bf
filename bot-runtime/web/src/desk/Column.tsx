import { useRef } from "preact/hooks";

import { duration } from "../page/duration";
import { useSeconds } from "../page/model";
import type { Conversation } from "./api";
import type { Actions, Counter } from "./counter";
import { Done } from "./Done";
import { ReplyBox } from "./ReplyBox";
import type { Texts } from "./text";
import { Transcript } from "./Transcript";

interface Props {
  actions: Actions;
  counter: Counter;
  conversation: Conversation;
  // waits is since when the citizen waits for a word, by the server's clock; null when answered.
  waits: number | null;
  // lit: this one waits longest.
  lit: boolean;
  text: Texts;
}

const hour = 3_600_000;

// Column is one conversation: who it is and what they want, what was said, and the box to answer in.
export function Column({ actions, counter, conversation, waits, lit, text }: Props) {
  const section = useRef<HTMLElement>(null);
  const now = useSeconds() + counter.lag;
  const name = conversation.contact.name || `${text.unnamed} ${conversation.id}`;
  const left = conversation.windowEndsAt ? Date.parse(conversation.windowEndsAt) - now : null;
  const heading = `conversation-${conversation.id}`;
  const unsent = counter.replies.some((reply) => reply.conversation === conversation.id && reply.ref === "");
  const losses = [
    ...(counter.drafts[conversation.id]?.text.trim() ? [text.closeDraft] : []),
    ...(unsent ? [text.closeUnsent] : []),
    ...(waits !== null ? [text.closeUnanswered] : []),
  ];
  return (
    <section
      ref={section}
      class={lit ? "column lit" : "column"}
      data-conversation={conversation.id}
      aria-labelledby={heading}
      tabIndex={-1}
    >
      <header class="contact">
        <div class="name">
          <h2 id={heading} dir="auto" title={name}>
            {name}
          </h2>
          <Done name={name} losses={losses} close={() => actions.close(conversation.id)} text={text} />
        </div>
        <p class="facts">
          {conversation.priority > 0 && (
            <span class={conversation.priority > 1 ? "badge urgent" : "badge high"}>
              {conversation.priority > 1 ? text.urgent : text.high}
            </span>
          )}
          {conversation.skills?.map((skill) => {
            const lacking = !counter.state?.skills?.includes(skill);
            return (
              <span key={skill} class={lacking ? "badge lacking" : "badge"} data-skill={skill}>
                {text.needs}: {skill}
                {lacking && ` · ${text.lacking}`}
              </span>
            );
          })}
          <span class="badge">{conversation.channel}</span>
          {conversation.language && <span class="badge">{conversation.language}</span>}
          <span class={waits === null ? "waits" : "waits waiting"}>
            {waits === null ? text.answered : `${lit ? text.longest : text.waitsFor} · ${duration(now - waits, counter.language)}`}
          </span>
        </p>
        {left !== null && (
          <p class={left < hour ? "window short" : "window"}>
            {left > 0 ? `${text.window}: ${text.windowLeft} ${duration(left, counter.language)}` : text.windowOver}
          </p>
        )}
      </header>
      <Transcript actions={actions} counter={counter} conversation={conversation} name={name} text={text} />
      <ReplyBox
        actions={actions}
        conversation={conversation.id}
        draft={counter.drafts[conversation.id]}
        closed={left !== null && left <= 0}
        name={name}
        leave={() => section.current?.focus()}
        text={text}
      />
    </section>
  );
}
