// The dead letters that a supervisor decides about. What was decided stays on the page, said to be so, until it is left.

import type { Model } from "../page/model";
import { type Api, type DeadLetter, Refused, type Written } from "./api";
import type { Counter } from "./counter";
import type { TextKey } from "./text";

// Letter is one on the page.
export interface Letter extends DeadLetter {
  // written is what stands in it: undefined until it was opened, null where nothing is kept.
  written?: Written | null;
  busy: boolean;
  problem: TextKey | null;
  // decided is what became of it, once that is so.
  decided: TextKey | null;
}

export interface Letters {
  list: Letter[];
  // reading: the list's next page is on its way.
  reading: boolean;
  // more: the server has more than the list.
  more: boolean;
}

export class Supervision {
  constructor(
    private readonly model: Model<Counter>,
    private readonly api: Api,
    private readonly call: <T>(ask: () => Promise<T>) => Promise<T>,
    // decided is told when the number of dead letters is another.
    private readonly decided: () => void,
  ) {}

  show(): void {
    this.model.change({ letters: { list: [], reading: false, more: true } });
    void this.readMore();
  }

  hide(): void {
    this.model.change({ letters: null });
  }

  // noticed brings what was given up while the list is open: it stands behind what the list has.
  noticed(count: number | undefined): void {
    const letters = this.model.get().letters;
    if (!letters) return;
    if (count === undefined) this.hide();
    else if (!letters.more && count > letters.list.filter((one) => !one.decided).length) void this.readMore();
  }

  async readMore(): Promise<void> {
    const letters = this.model.get().letters;
    if (!letters || letters.reading) return;
    this.change({ reading: true });
    try {
      const { deadLetters, next } = await this.call(() => this.api.deadLetters(letters.list.at(-1)?.id ?? 0));
      const list = this.model.get().letters?.list ?? [];
      const last = list.at(-1)?.id ?? 0;
      const fresh = deadLetters.filter((one) => one.id > last); // the list may have been left and shown again meanwhile
      this.change({ list: [...list, ...fresh.map((one) => ({ ...one, busy: false, problem: null, decided: null }))], more: next !== 0 });
    } catch (error) {
      if (error instanceof Refused && error.code === "not-a-supervisor") this.decided();
      // Else the line is down, which shows; the button is still there.
    }
    this.change({ reading: false });
  }

  async read(id: number): Promise<void> {
    await this.act(id, async () => {
      const { message } = await this.api.deadLetter(id);
      this.changeLetter(id, { written: message ?? null });
    });
  }

  async replay(id: number): Promise<void> {
    const sent = this.model.get().letters?.list.find((one) => one.id === id)?.what === "send";
    await this.act(id, async () => {
      await this.api.replayDeadLetter(id);
      this.changeLetter(id, { decided: sent ? "deadSentAgain" : "deadHandledAgain" });
    });
  }

  async drop(id: number): Promise<void> {
    await this.act(id, async () => {
      await this.api.dropDeadLetter(id);
      this.changeLetter(id, { decided: "deadDropped" });
    });
  }

  private async act(id: number, does: () => Promise<void>): Promise<void> {
    this.changeLetter(id, { busy: true, problem: null });
    try {
      await this.call(does);
    } catch (error) {
      const code = error instanceof Refused ? error.code : "";
      if (code === "no-dead-letter") this.changeLetter(id, { decided: "deadGone" });
      else this.changeLetter(id, { problem: problems[code] ?? "deadUnsure" });
    }
    this.changeLetter(id, { busy: false });
    this.decided();
  }

  private change(part: Partial<Letters>): void {
    const letters = this.model.get().letters;
    if (letters) this.model.change({ letters: { ...letters, ...part } });
  }

  private changeLetter(id: number, part: Partial<Letter>): void {
    this.change({ list: this.model.get().letters?.list.map((one) => (one.id === id ? { ...one, ...part } : one)) ?? [] });
  }
}

// problems that asking again does not change.
const problems: Record<string, TextKey> = {
  "cannot-replay": "deadCannotReplay",
  "not-a-supervisor": "deadNotYours",
  "foreign-origin": "foreignOrigin",
};
