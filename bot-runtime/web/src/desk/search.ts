// What the agent looks up in the tenant's directories, beside the conversations.

import type { Model } from "../page/model";
import { type Api, type DirectoryAnswer, Refused } from "./api";
import type { Counter } from "./counter";
import type { TextKey } from "./text";

// LookUp is the open search.
export interface LookUp {
  text: string;
  asking: boolean;
  // answered is what was found, and for which text.
  answered: { text: string; answers: DirectoryAnswer[] } | null;
  problem: TextKey | null;
}

export const longestLookUp = 1000; // characters, as the server takes

export class Search {
  constructor(
    private readonly model: Model<Counter>,
    private readonly api: Api,
    private readonly call: <T>(ask: () => Promise<T>) => Promise<T>,
  ) {}

  show(): void {
    if (!this.model.get().lookUp) this.model.change({ lookUp: { text: "", asking: false, answered: null, problem: null } });
  }

  hide(): void {
    this.model.change({ lookUp: null });
  }

  type(text: string): void {
    this.change({ text });
  }

  async ask(): Promise<void> {
    const text = this.model.get().lookUp?.text.trim() ?? "";
    if (text === "" || this.model.get().lookUp?.asking) return;
    this.change({ asking: true, problem: null });
    try {
      const answers = await this.call(() => this.api.lookUp(text));
      this.change({ answered: { text, answers } });
    } catch (error) {
      this.change({ answered: null, problem: error instanceof Refused ? "refused" : "lookUpUnsure" });
    }
    this.change({ asking: false });
  }

  private change(part: Partial<LookUp>): void {
    const lookUp = this.model.get().lookUp;
    if (lookUp) this.model.change({ lookUp: { ...lookUp, ...part } });
  }
}
