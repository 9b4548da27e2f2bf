// What agents have typed and not yet sent. From the first key on, this page's own text is the truth: the server's is taken
// only for a conversation that the page has not seen. Text goes to the tab's storage at once and to the server soon.

import type { Keep } from "../page/keep";
import type { Model } from "../page/model";
import type { Conversation } from "./api";
import type { Counter } from "./counter";

const pauseBeforeSaving = 500;

export class Drafts {
  private agent = "";
  private readonly timers = new Map<number, number>();
  private readonly underWay = new Set<number>();

  constructor(
    private readonly model: Model<Counter>,
    private readonly tab: Keep,
    private readonly save: (conversation: number, text: string) => Promise<void>,
  ) {}

  of(agent: string): void {
    this.agent = agent;
  }

  leave(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    this.agent = "";
  }

  type(conversation: number, text: string): void {
    this.tab.put(this.key(conversation), text);
    this.show(conversation, text, "saving");
    clearTimeout(this.timers.get(conversation));
    this.timers.set(conversation, window.setTimeout(() => void this.saveOne(conversation), pauseBeforeSaving));
  }

  // take shows the drafts of conversations that are new to the page, and forgets those of conversations that are gone.
  take(conversations: Conversation[]): void {
    const drafts = { ...this.model.get().drafts };
    for (const { id, draft } of conversations) {
      if (drafts[id]) continue;
      const unsaved = this.tab.get<string>(this.key(id));
      drafts[id] = unsaved === null ? { text: draft, kept: "server" } : { text: unsaved, kept: "browser" };
    }
    for (const id of Object.keys(drafts).map(Number)) {
      if (!conversations.some((one) => one.id === id)) delete drafts[id];
    }
    this.model.change({ drafts });
  }

  // saveAgain brings what is written meanwhile to a server that has just dropped the draft.
  saveAgain(conversation: number): void {
    const text = this.model.get().drafts[conversation]?.text;
    if (text !== undefined) this.type(conversation, text);
  }

  async saveAll(): Promise<void> {
    const open = Object.entries(this.model.get().drafts).filter(([, draft]) => draft.kept !== "server");
    await Promise.all(open.filter(([id]) => !this.timers.has(Number(id))).map(([id]) => this.saveOne(Number(id))));
  }

  forget(conversation: number): void {
    clearTimeout(this.timers.get(conversation));
    this.timers.delete(conversation);
    this.tab.drop(this.key(conversation));
  }

  private async saveOne(conversation: number): Promise<void> {
    this.timers.delete(conversation);
    if (this.underWay.has(conversation)) return; // whoever is under way looks again
    this.underWay.add(conversation);
    try {
      for (;;) {
        const text = this.model.get().drafts[conversation]?.text;
        if (text === undefined || this.agent === "") return;
        await this.save(conversation, text);
        if (this.model.get().drafts[conversation]?.text === text) {
          this.tab.drop(this.key(conversation));
          this.show(conversation, text, "server");
          return;
        }
      }
    } catch {
      const draft = this.model.get().drafts[conversation];
      if (draft) this.show(conversation, draft.text, "browser");
    } finally {
      this.underWay.delete(conversation);
    }
  }

  private show(conversation: number, text: string, kept: "server" | "browser" | "saving"): void {
    this.model.change({ drafts: { ...this.model.get().drafts, [conversation]: { text, kept } } });
  }

  private key(conversation: number): string {
    return `draft/${this.agent}/${conversation}`;
  }
}
