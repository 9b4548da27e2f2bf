import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  question: string;
  yes: string;
  no: string;
  answer: (yes: boolean) => void;
}

// Ask is a question in its place on the page, before something that cannot be undone. The safe answer has the focus, and Esc
// gives it.
export function Ask({ question, yes, no, answer }: Props) {
  const safe = useRef<HTMLButtonElement>(null);
  const id = useId();
  useLayoutEffect(() => safe.current?.focus(), []); // before the next key
  return (
    <div
      class="ask"
      role="alertdialog"
      aria-labelledby={id}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        event.preventDefault();
        answer(false);
      }}
    >
      <p id={id}>{question}</p>
      <div class="ask-acts">
        <button type="button" class="button" ref={safe} onClick={() => answer(false)}>
          {no}
        </button>
        <button type="button" class="button grave" onClick={() => answer(true)}>
          {yes}
        </button>
      </div>
    </div>
  );
}

// useAsking is whether a button's question is open. The button has the focus again once it is answered.
export function useAsking() {
  const [asking, setAsking] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const asked = useRef(false);
  useLayoutEffect(() => {
    if (!asking && asked.current) button.current?.focus();
    asked.current = asking;
  }, [asking]);
  return { asking, setAsking, button };
}
