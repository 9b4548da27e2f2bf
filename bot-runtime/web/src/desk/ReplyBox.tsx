import type { Actions, Counter } from "./counter";
import type { Texts } from "./text";

interface Props {
  actions: Actions;
  conversation: number;
  draft: Counter["drafts"][number] | undefined;
  // closed: the channel takes nothing more from us.
  closed: boolean;
  name: string;
  leave: () => void;
  text: Texts;
}

const maxText = 4096; // characters, as the server takes

// ReplyBox is where the agent writes. Enter sends, Shift+Enter breaks the line, Esc leaves and keeps what is written.
export function ReplyBox({ actions, conversation, draft, closed, name, leave, text }: Props) {
  const written = draft?.text ?? "";
  const tooLong = [...written].length > maxText;
  const sendable = !closed && !tooLong && written.trim() !== "";
  const id = `reply-${conversation}`;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.preventDefault();
      leave();
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (sendable) actions.reply(conversation);
    }
  };
  return (
    <form
      class="reply"
      onSubmit={(event) => {
        event.preventDefault();
        if (sendable) actions.reply(conversation);
      }}
    >
      <label class="hidden" for={id}>
        {text.reply} {name}
      </label>
      <textarea
        id={id}
        class="field"
        dir="auto"
        rows={2}
        placeholder={closed ? text.windowOver : text.replyHint}
        value={written}
        onInput={(event) => actions.type(conversation, event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="reply-acts">
        <span class={tooLong ? "kept bad" : "kept"} role="status">
          {tooLong ? text.tooLong : written !== "" && draft ? kept(draft.kept, text) : text.keys}
        </span>
        <button type="submit" class="button strong" disabled={!sendable}>
          {text.send}
        </button>
      </div>
    </form>
  );
}

function kept(where: "server" | "browser" | "saving", text: Texts): string {
  return { server: text.draftSaved, browser: text.draftKept, saving: text.draftSaving }[where];
}
