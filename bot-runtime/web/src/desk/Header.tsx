import { useLayoutEffect, useRef } from "preact/hooks";

import { duration } from "../page/duration";
import { pick } from "../page/language";
import { Languages } from "../page/Languages";
import { Mark } from "../page/Mark";
import { useSeconds } from "../page/model";
import type { Actions, Counter } from "./counter";
import type { Texts } from "./text";

// Header shows the queue, and whether the agent takes more.
export function Header({ actions, counter, text }: { actions: Actions; counter: Counter; text: Texts }) {
  const state = counter.state;
  const now = useSeconds() + counter.lag;
  if (!state) return null;
  const oldest = state.oldestWaitingSeconds * 1000 + Math.max(0, now - Date.parse(state.now));
  const title = pick(counter.about?.title, counter.language) || counter.about?.pool || text.title;
  return (
    <header class="header">
      <div class="who">
        <Mark />
        <div>
          <h1 dir="auto">{title}</h1>
          <p dir="auto" title={state.skills?.join(", ")}>
            {state.agent}
            {state.skills && <span data-skills> · {`${text.skills}: ${state.skills.join(", ")}`}</span>}
          </p>
        </div>
      </div>
      <dl class="figures">
        <div class={state.waiting > 0 ? "figure busy" : "figure"}>
          <dt>{text.waiting}</dt>
          <dd data-figure="waiting">{state.waiting}</dd>
        </div>
        <div class="figure">
          <dt>{text.oldest}</dt>
          <dd>{state.waiting > 0 ? duration(oldest, counter.language) : "–"}</dd>
        </div>
        <div class="figure">
          <dt>{text.online}</dt>
          <dd>{state.agentsOnline}</dd>
        </div>
      </dl>
      <div class="acts">
        <button
          type="button"
          role="switch"
          class="switch"
          aria-checked={state.available}
          onClick={() => void actions.setAvailable(!state.available)}
        >
          <span class="knob" aria-hidden="true" />
          {text.availability}
        </button>
        {state.lookUp && <OpensLookUp actions={actions} open={counter.lookUp !== null} text={text} />}
        {state.deadLetters !== undefined && <Failed actions={actions} open={counter.letters !== null} count={state.deadLetters} text={text} />}
        <Languages label={text.language} languages={counter.languages} language={counter.language} choose={(l) => actions.speak(l)} />
        <button type="button" class="button plain" onClick={() => void actions.signOut()}>
          {text.signOut}
        </button>
      </div>
    </header>
  );
}

// useFocusOnClose gives the button its focus again when what it opens is closed.
function useFocusOnClose(open: boolean) {
  const button = useRef<HTMLButtonElement>(null);
  const was = useRef(false);
  useLayoutEffect(() => {
    if (!open && was.current) button.current?.focus();
    was.current = open;
  }, [open]);
  return button;
}

function OpensLookUp({ actions, open, text }: { actions: Actions; open: boolean; text: Texts }) {
  const button = useFocusOnClose(open);
  return (
    <button
      type="button"
      class="button opens"
      ref={button}
      aria-label={text.lookUp}
      aria-pressed={open}
      onClick={() => (open ? actions.search.hide() : actions.search.show())}
    >
      <svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
        <path d="M13 13l5 5M8.5 14a5.5 5.5 0 1 1 0-11 5.5 5.5 0 0 1 0 11z" />
      </svg>
      <span class="words">{text.lookUp}</span>
    </button>
  );
}

const deadMost = 1000; // the server counts no further

// Failed opens the list of dead letters.
function Failed({ actions, open, count, text }: { actions: Actions; open: boolean; count: number; text: Texts }) {
  const button = useFocusOnClose(open);
  return (
    <button
      type="button"
      class={count > 0 ? "button failed some" : "button failed"}
      ref={button}
      aria-pressed={open}
      onClick={() => (open ? actions.supervision.hide() : actions.supervision.show())}
    >
      {text.dead} <span class="count">{count < deadMost ? count : `${deadMost - 1}+`}</span>
    </button>
  );
}
