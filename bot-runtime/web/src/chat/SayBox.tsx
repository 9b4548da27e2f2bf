import { useEffect, useRef } from "preact/hooks";

import type { Actions } from "./talk";
import type { Texts } from "./text";

const maxText = 4096; // characters, as the server takes

// SayBox is where the citizen writes. Enter sends, Shift+Enter breaks the line.
export function SayBox({ actions, draft, text }: { actions: Actions; draft: string; text: Texts }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const tooLong = [...draft].length > maxText;
  const sendable = draft.trim() !== "" && !tooLong;
  const say = () => {
    if (sendable) actions.say();
    field.current?.focus();
  };
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      class="say"
      onSubmit={(event) => {
        event.preventDefault();
        say();
      }}
    >
      <label class="hidden" for="say">
        {text.message}
      </label>
      <textarea
        id="say"
        ref={field}
        class="field"
        dir="auto"
        rows={1}
        placeholder={text.hint}
        aria-invalid={tooLong}
        value={draft}
        onInput={(event) => actions.type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            say();
          }
        }}
      />
      <button type="submit" class="button strong" disabled={!sendable}>
        {text.send}
      </button>
      {tooLong && (
        <p class="bad" role="alert">
          {text.tooLong}
        </p>
      )}
    </form>
  );
}
