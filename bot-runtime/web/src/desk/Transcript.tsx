import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { clock } from "../page/duration";
import type { Conversation, Message } from "./api";
import type { Actions, Counter, Reply } from "./counter";
import { whyOf } from "./reason";
import { Said } from "./Said";
import type { Texts } from "./text";
import { fold } from "./waiting";

interface Props {
  actions: Actions;
  counter: Counter;
  conversation: Conversation;
  name: string;
  text: Texts;
}

// Transcript shows what was said: the bot's part folded above with its summary, then what is the agent's. Everything that
// people wrote is a text node in an element of its own direction.
export function Transcript({ actions, counter, conversation, name, text }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const { before, since } = fold(conversation);
  const older = counter.older[conversation.id];
  const folded = [...(older?.messages ?? []), ...before];
  const mayBeOlder = conversation.messages.length >= 50 && !older?.all;
  const pending = counter.replies.filter((reply) => reply.conversation === conversation.id);
  const last = since.at(-1);
  const end = `${last?.id} ${last?.state} ${last?.reason}`; // why a message failed makes its line longer

  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [end, pending.length]);
  useEffect(() => {
    atEnd.current = true;
  }, [pending.length]);

  return (
    <div
      ref={box}
      class="transcript"
      role="log"
      aria-label={`${text.transcript} ${name}`}
      tabIndex={0}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        atEnd.current = scrollHeight - scrollTop - clientHeight < 48;
      }}
    >
      {(conversation.summary || folded.length > 0 || mayBeOlder) && (
        <details class="before">
          <summary>
            <span class="before-title">
              {text.before}
              {folded.length > 0 && ` · ${folded.length} ${text.messagesCount}`}
            </span>
            {conversation.summary && (
              <span class="said summary" dir="auto">
                {conversation.summary}
              </span>
            )}
          </summary>
          {mayBeOlder && (
            <button type="button" class="button" onClick={() => void actions.showOlder(conversation.id)}>
              {text.older}
            </button>
          )}
          <Lines messages={folded} agent={counter.state?.agent ?? ""} language={counter.language} text={text} />
        </details>
      )}
      <Lines messages={since} agent={counter.state?.agent ?? ""} language={counter.language} text={text} />
      {pending.map((reply) => (
        <Pending key={reply.clientId} reply={reply} actions={actions} text={text} />
      ))}
    </div>
  );
}

function Lines({ messages, agent, language, text }: { messages: Message[]; agent: string; language: string; text: Texts }) {
  return (
    <>
      {messages.map((message) => (
        <Line key={message.id} message={message} agent={agent} language={language} text={text} />
      ))}
    </>
  );
}

function Line({ message, agent, language, text }: { message: Message; agent: string; language: string; text: Texts }) {
  return (
    <div class={`line ${message.from}`}>
      <div class="bubble">
        <Said written={message} text={text} />
      </div>
      <div class="meta">
        <bdi>{author(message, agent, text)}</bdi> · <time dateTime={message.at}>{clock(message.at, language)}</time>
        {message.state && <Delivery message={message} text={text} />}
      </div>
    </div>
  );
}

function author(message: Message, agent: string, text: Texts): string {
  if (message.from === "agent") return message.agent === agent ? text.you : (message.agent ?? "");
  return text[message.from];
}

function Delivery({ message, text }: { message: Message; text: Texts }) {
  const state = message.state ?? "queued";
  const bad = state === "failed" || state === "unknown";
  return (
    <span class={bad ? "delivery bad" : "delivery"} data-state={state}>
      {" · "}
      {text[state]}
      {message.reason && (
        <>
          : {text[whyOf(message.reason)]}
          <details class="why">
            <summary>{text.details}</summary>
            <bdi class="said">{message.reason}</bdi>
          </details>
        </>
      )}
    </span>
  );
}

function Pending({ reply, actions, text }: { reply: Reply; actions: Actions; text: Texts }) {
  return (
    <div class="line agent pending">
      <div class="bubble">
        <p class="said" dir="auto">
          {reply.text}
        </p>
      </div>
      <p class="meta">
        {text.you} · {reply.problem === null ? text.sending : <span class="delivery bad">{text[reply.problem]}</span>}
        {reply.problem !== null && (
          <button type="button" class="button plain" onClick={() => actions.takeBack(reply)}>
            {text.takeBack}
          </button>
        )}
      </p>
    </div>
  );
}
