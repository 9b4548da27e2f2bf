import { useEffect } from "preact/hooks";

import { useModel } from "../page/model";
import { Column } from "./Column";
import type { Actions, Counter } from "./counter";
import { DeadLetters } from "./DeadLetters";
import { Header } from "./Header";
import { LookUpBar } from "./LookUp";
import { SignIn } from "./SignIn";
import { type Texts, texts } from "./text";
import { inOrderOfWaiting, waitsSince } from "./waiting";

// Console is the whole page: the sign-in, or the counter.
export function Console({ actions }: { actions: Actions }) {
  const counter = useModel(actions.model);
  const text = texts[counter.language];

  useEffect(() => {
    document.documentElement.lang = counter.language;
  }, [counter.language]);

  if (counter.phase === "in" && counter.state) return <Counters actions={actions} counter={counter} text={text} />;
  if (counter.phase === "out") return <SignIn actions={actions} counter={counter} text={text} />;
  return (
    <main class="opening" aria-busy="true">
      <p role="status">{counter.notice ? text[counter.notice] : text.loading}</p>
    </main>
  );
}

function Counters({ actions, counter, text }: { actions: Actions; counter: Counter; text: Texts }) {
  const conversations = counter.state?.conversations ?? [];
  const waits = new Map(
    conversations.map((one) => [
      one.id,
      waitsSince(one, counter.replies.some((reply) => reply.conversation === one.id && reply.problem === null)),
    ]),
  );
  const order = inOrderOfWaiting(waits);

  useNextKey(order);
  useLookUpKey(actions, counter.state?.lookUp ?? false);
  useEffect(() => {
    document.title = order.length > 0 ? `(${order.length}) ${text.title}` : text.title;
  }, [order.length, text]);

  const lost = counter.replies.filter((reply) => reply.problem !== null && !waits.has(reply.conversation));
  return (
    <div class="counter">
      <Header actions={actions} counter={counter} text={text} />
      <div role="alert">
        {counter.line === "down" && (
          <p class="linedown">
            {text.lineDown}{" "}
            <button type="button" class="retry" onClick={() => actions.retry()}>
              {text.retry}
            </button>
          </p>
        )}
        {lost.map((reply) => (
          <p class="lost" key={reply.clientId}>
            {text.notYours} <bdi class="said">{reply.text}</bdi>{" "}
            <button type="button" class="button" onClick={() => actions.dropReply(reply)}>
              OK
            </button>
          </p>
        ))}
      </div>
      <div>{counter.lookUp && <LookUpBar actions={actions} counter={counter} lookUp={counter.lookUp} text={text} />}</div>
      {counter.letters ? (
        <DeadLetters actions={actions} counter={counter} letters={counter.letters} text={text} />
      ) : (
        <main class="columns">
          {counter.columns.map((id, place) => {
            const conversation = conversations.find((one) => one.id === id);
            if (!conversation) return <FreeSlot key={`free${place}`} available={counter.state?.available ?? false} text={text} />;
            return (
              <Column
                key={id}
                actions={actions}
                counter={counter}
                conversation={conversation}
                waits={waits.get(id) ?? null}
                lit={order[0] === id}
                text={text}
              />
            );
          })}
        </main>
      )}
    </div>
  );
}

function FreeSlot({ available, text }: { available: boolean; text: Texts }) {
  return (
    <div class="free">
      <p>
        <strong>{text.free}</strong>
        <br />
        {available ? text.emptyOn : text.emptyOff}
      </p>
    </div>
  );
}

// useNextKey makes "n" go to the box of the next conversation that waits, the longest waiting first.
function useNextKey(order: number[]) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "n" || !isCommand(event) || order.length === 0) return;
      event.preventDefault();
      const here = Number(document.activeElement?.closest<HTMLElement>("[data-conversation]")?.dataset["conversation"]);
      const next = order[(order.indexOf(here) + 1) % order.length];
      document.querySelector<HTMLElement>(`[data-conversation="${next}"] textarea`)?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [order.join()]);
}

// useLookUpKey makes "/" open the look-up.
function useLookUpKey(actions: Actions, there: boolean) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || !isCommand(event) || !there) return;
      event.preventDefault();
      actions.search.show();
      document.getElementById("lookup")?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [actions, there]);
}

// isCommand: the key is not text that somebody writes, nor the browser's own.
function isCommand({ ctrlKey, metaKey, altKey, target }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey) return false;
  return !(target instanceof HTMLElement && ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
