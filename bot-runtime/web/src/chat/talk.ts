// The citizen's side of a conversation: what was said, what waits to be sent, and everything that changes either.

import { newIdentifier } from "../page/identifier";
import type { Keep } from "../page/keep";
import { type Language, choose, isLanguage, ours } from "../page/language";
import { type Model, modelOf } from "../page/model";
import { type Stream, follow } from "../page/stream";
import { type Api, type Choice, type Config, type Message, type Post, Refused, TryAgain } from "./api";

// Pending is a message that the conversation does not show yet. It is sent, under the same name, until it is taken.
export interface Pending extends Post {
  text: string;
  at: number;
  refused: boolean;
}

export interface Talk {
  phase: "opening" | "open" | "notThere";
  config: Config | null;
  languages: Language[];
  language: Language;
  // trouble: the server could not be asked at all yet.
  trouble: boolean;
  line: "up" | "down";
  messages: Message[]; // in the order of id
  pending: Pending[];
  draft: string;
}

const start: Talk = {
  phase: "opening",
  config: null,
  languages: ["id", "en"],
  language: "id",
  trouble: false,
  line: "up",
  messages: [],
  pending: [],
  draft: "",
};

const maxPending = 50;
const firstPause = 1000;
const longestPause = 30_000;

export class Actions {
  readonly model: Model<Talk> = modelOf(start);
  private token = "";
  private stream: Stream | null = null;
  private next = 0;
  private sending = false;
  private pause = firstPause;
  private timer = 0;

  // heard is called when somebody other than the citizen has spoken.
  constructor(
    private readonly api: Api,
    private readonly keep: Keep,
    private readonly heard: () => void,
  ) {
    window.addEventListener("offline", () => this.model.change({ line: "down" }));
    window.addEventListener("online", () => {
      this.stream?.retry();
      void this.send();
    });
    window.addEventListener("storage", () => {
      if (this.token && this.keep.get("token") === null) this.startOver(); // another tab has forgotten
    });
  }

  async open(wished: string | null): Promise<void> {
    try {
      const config = await this.api.config();
      const languages = ours(config.languages ?? []);
      const language = choose(languages, this.keep.get<string>("language") ?? wished);
      this.token = this.keep.get<string>("token") ?? "";
      const pending = this.keep.get<Pending[]>("pending") ?? [];
      const draft = this.keep.get<string>("draft") ?? "";
      this.model.change({ phase: "open", config, languages, language, trouble: false, pending, draft });
      if (this.token) this.listen();
      void this.send();
    } catch (error) {
      if (error instanceof Refused) {
        this.model.change({ phase: "notThere" });
        return;
      }
      this.model.change({ trouble: true });
      window.setTimeout(() => void this.open(wished), this.nextPause());
    }
  }

  speak(language: string): void {
    if (!isLanguage(language)) return;
    this.keep.put("language", language);
    this.keep.put("untold", language);
    this.model.change({ language });
  }

  // startOver forgets the conversation on this device, with all that is not sent yet.
  startOver(): void {
    clearTimeout(this.timer);
    this.keepPending([]);
    this.type("");
    this.forget();
  }

  type(draft: string): void {
    this.keep.put("draft", draft);
    this.model.change({ draft });
  }

  say(): void {
    const text = this.model.get().draft.trim();
    if (text === "" || this.model.get().pending.length >= maxPending) return;
    this.type("");
    this.add({ clientId: newIdentifier(), text });
  }

  tap(choice: Choice): void {
    this.add({ clientId: newIdentifier(), text: choice.title, choiceID: choice.id });
  }

  again(pending: Pending): void {
    this.keepPending(this.model.get().pending.map((one) => (one === pending ? { ...one, refused: false } : one)));
    void this.send();
  }

  private add(post: Post & { text: string }): void {
    this.keepPending([...this.model.get().pending, { ...post, at: Date.now(), refused: false }]);
    void this.send();
  }

  // send hands over what is pending, in order: the next only when the one before is taken.
  private async send(): Promise<void> {
    clearTimeout(this.timer);
    if (this.sending) return;
    this.sending = true;
    try {
      for (;;) {
        const one = this.model.get().pending.find((pending) => !pending.refused && !this.taken.has(pending.clientId));
        if (!one) break;
        await this.post(one);
        this.pause = firstPause;
      }
    } catch (error) {
      const after = error instanceof TryAgain ? error.afterSeconds * 1000 : 0;
      if (!(error instanceof TryAgain && after > 0)) this.model.change({ line: "down" });
      this.timer = window.setTimeout(() => void this.send(), Math.max(after, this.nextPause()));
    } finally {
      this.sending = false;
    }
  }

  // taken are those that the server has and the conversation does not show yet.
  private readonly taken = new Set<string>();

  private async post(one: Pending): Promise<void> {
    if (!this.token) {
      this.token = await this.api.newToken();
      this.keep.put("token", this.token);
      this.listen();
    }
    try {
      // The chosen language goes with one message: what the citizen says to the bot about it afterwards counts.
      const language = this.keep.get<string>("untold");
      const post: Post = {
        clientId: one.clientId,
        text: one.text,
        ...(one.choiceID ? { choiceID: one.choiceID } : {}),
        ...(language ? { language } : {}),
      };
      const token = this.token;
      await this.api.post(token, post);
      if (token !== this.token) return; // forgotten meanwhile
      if (this.keep.get("untold") === language) this.keep.drop("untold");
      this.taken.add(one.clientId);
      if (navigator.onLine) this.model.change({ line: "up" });
      void this.read();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) {
        this.forget();
        throw new TryAgain(1); // with a new token, and not in a circle
      }
      this.keepPending(this.model.get().pending.map((other) => (other.clientId === one.clientId ? { ...other, refused: true } : other)));
    }
  }

  private listen(): void {
    this.stream?.stop();
    this.stream = follow({
      request: () => ({ url: this.api.eventsURL, headers: { Authorization: `Bearer ${this.token}`, "Last-Event-ID": String(this.next) } }),
      opened: () => {
        this.model.change({ line: "up" });
        void this.read();
        void this.send();
      },
      event: (event) => {
        const at = Number(event.id);
        if (at > this.next) this.next = at;
        this.take([JSON.parse(event.data) as Message]);
      },
      down: () => {
        this.model.change({ line: "down" });
        if (navigator.onLine) void this.read(); // there may only be no room for a stream
      },
      refused: (status) => {
        if (status === 401) this.forget();
        return status !== 401;
      },
      longestPause,
    });
  }

  // read brings all that is new: what the stream says sooner, a read says too.
  private async read(): Promise<void> {
    const token = this.token;
    try {
      for (;;) {
        const { messages, next } = await this.api.read(token, this.next);
        if (token !== this.token) return; // forgotten meanwhile
        this.next = Math.max(this.next, next);
        this.take(messages ?? []);
        if (!messages || messages.length === 0) return;
      }
    } catch (error) {
      if (error instanceof Refused && error.status === 401 && token === this.token) this.forget();
      // Otherwise the line is down: the stream notices, and reads again when it is back.
    }
  }

  private take(news: Message[]): void {
    if (news.length === 0) return;
    const known = this.model.get().messages;
    const byId = new Map(known.map((message) => [message.id, message]));
    for (const message of news) byId.set(message.id, message);
    const shown = new Set(news.map((message) => message.clientId));
    for (const clientId of shown) if (clientId) this.taken.delete(clientId);
    this.model.change({ messages: [...byId.values()].sort((a, b) => a.id - b.id) });
    this.keepPending(this.model.get().pending.filter((pending) => !shown.has(pending.clientId)));
    if (news.some((message) => message.from !== "citizen" && !known.some((one) => one.id === message.id))) this.heard();
  }

  // forget starts a new conversation: the server no longer knows the token, or the citizen wants none. What is pending goes there.
  private forget(): void {
    this.stream?.stop();
    this.stream = null;
    this.token = "";
    this.next = 0;
    this.taken.clear();
    this.keep.drop("token");
    const chosen = this.keep.get<string>("language");
    if (chosen) this.keep.put("untold", chosen);
    this.model.change({ messages: [], line: navigator.onLine ? "up" : "down" });
  }

  private keepPending(pending: Pending[]): void {
    this.keep.put("pending", pending);
    this.model.change({ pending });
  }

  private nextPause(): number {
    const pause = this.pause;
    this.pause = Math.min(longestPause, pause * 2);
    return pause * (0.75 + Math.random() / 2);
  }
}
