// The web chat's API, as bot-runtime/channel/webchat/api.go tells it.

export interface Config {
  title: Record<string, string> | null;
  tenant: Record<string, string> | null;
  languages: string[] | null;
}

export interface Choice {
  id: string;
  title: string;
}

export interface Link {
  url: string;
  title?: string;
}

export interface Message {
  id: number;
  from: "citizen" | "bot" | "agent";
  text: string;
  at: string;
  choices?: Choice[];
  link?: Link;
  clientId?: string;
  state: "received" | "queued" | "sent" | "failed";
}

export interface Post {
  clientId: string;
  text?: string;
  choiceID?: string;
  language?: string;
}

interface Messages {
  messages: Message[] | null;
  next: number;
}

// Refused is an answer that asking again does not change. TryAgain is none at all, or one that says so.
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
  ) {
    super(reason);
  }
}

export class TryAgain extends Error {
  constructor(readonly afterSeconds: number) {
    super("try again");
  }
}

export interface Api {
  config(): Promise<Config>;
  newToken(): Promise<string>;
  post(token: string, post: Post): Promise<void>;
  read(token: string, after: number): Promise<Messages>;
  eventsURL: string;
}

const patience = 15_000;

export function apiAt(base: string): Api {
  const call = async <T>(method: string, path: string, token: string, body?: unknown): Promise<T> => {
    let answer: Response;
    try {
      answer = await fetch(base + path, {
        method,
        headers: {
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(patience),
        credentials: "omit",
        cache: "no-store",
      });
      if (answer.ok) return (await answer.json()) as T;
    } catch {
      throw new TryAgain(0);
    }
    if (answer.status === 429 || answer.status >= 500) throw new TryAgain(Number(answer.headers.get("Retry-After")) || 0);
    throw new Refused(answer.status, await reasonOf(answer));
  };
  return {
    config: () => call("GET", "config", ""),
    newToken: async () => (await call<{ token: string }>("POST", "session", "", {})).token,
    post: (token, post) => call("POST", "messages", token, post),
    read: (token, after) => call("GET", `messages?after=${after}`, token),
    eventsURL: `${base}events`,
  };
}

async function reasonOf(answer: Response): Promise<string> {
  try {
    return ((await answer.json()) as { reason?: string }).reason ?? "";
  } catch {
    return "";
  }
}
