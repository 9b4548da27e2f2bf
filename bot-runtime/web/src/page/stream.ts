// Server-sent events read by fetch. EventSource would do less: it cannot send a token, hides the status of a refusal, and
// does not show heartbeats, so that a line that died silently would look alive.

export interface ServerEvent {
  id: string;
  name: string;
  data: string;
}

export interface StreamOptions {
  // request is called for every connection. The id of the last event goes with it unless the headers name another.
  request: () => { url: string; headers: Record<string, string> };
  opened: () => void;
  event: (event: ServerEvent) => void;
  // down is called when the line is lost; the stream tries again by itself.
  down: () => void;
  // refused is asked when the server answers with an error: false stops the stream.
  refused: (status: number) => boolean;
  // longest pause between tries, in milliseconds.
  longestPause: number;
}

export interface Stream {
  stop(): void;
  // retry makes a new connection at once, for when the browser says that the network is back: an old one may be dead or not.
  retry(): void;
}

// silence is how long a line may be quiet: two heartbeats of the server's 15 s and some.
const silence = 35_000;

// settled is how long a line must have lived to be a good one: a server that ends each at once must not be asked in a circle.
const settled = 3_000;

export function follow(options: StreamOptions): Stream {
  let stopped = false;
  let lastId = "";
  let tries = 0;
  let hurry = false;
  let connection: AbortController | null = null;
  let wake: (() => void) | null = null;

  const run = async () => {
    while (!stopped) {
      connection = new AbortController();
      const end = await connect(connection);
      if (stopped) return;
      if (end === "refused") return;
      if (end === "lost") {
        options.down();
        if (hurry) {
          hurry = false;
          continue;
        }
        await pause(Math.min(options.longestPause, 1000 * 2 ** tries) * (0.75 + Math.random() / 2));
        tries++;
      }
    }
  };

  const connect = async (controller: AbortController): Promise<"lost" | "ended" | "refused"> => {
    const watchdog = new Watchdog(() => controller.abort());
    const began = Date.now();
    try {
      const { url, headers } = options.request();
      const answer = await fetch(url, {
        headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}), ...headers },
        signal: controller.signal,
        cache: "no-store",
      });
      if (stopped) return "ended"; // and nothing of it is heard, although it had come
      if (!answer.ok || !answer.body) return options.refused(answer.status) ? "lost" : "refused";
      options.opened();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new Parser((event) => {
        if (event.id) lastId = event.id;
        options.event(event);
      });
      for (;;) {
        const { value, done } = await reader.read();
        if (stopped) return "ended";
        const lived = Date.now() - began > settled;
        if (done) return lived ? "ended" : "lost";
        if (lived) tries = 0;
        watchdog.feed();
        parser.read(value);
      }
    } catch {
      return "lost";
    } finally {
      watchdog.stop();
    }
  };

  const pause = (time: number) =>
    new Promise<void>((done) => {
      const end = () => {
        clearTimeout(timer);
        wake = null;
        done();
      };
      const timer = setTimeout(end, time);
      wake = end;
    });

  void run();
  return {
    stop() {
      stopped = true;
      connection?.abort();
      wake?.();
    },
    retry() {
      tries = 0;
      if (wake) wake();
      else {
        hurry = true;
        connection?.abort();
      }
    },
  };
}

class Watchdog {
  private timer = 0;

  constructor(private readonly bark: () => void) {
    this.feed();
  }

  feed() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(this.bark, silence);
  }

  stop() {
    clearTimeout(this.timer);
  }
}

// Parser cuts text into events; lines may come in any pieces.
class Parser {
  private rest = "";
  private id = "";
  private name = "";
  private data: string[] = [];

  constructor(private readonly emit: (event: ServerEvent) => void) {}

  read(text: string) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  private line(line: string) {
    if (line === "") {
      if (this.data.length > 0) this.emit({ id: this.id, name: this.name || "message", data: this.data.join("\n") });
      this.id = "";
      this.name = "";
      this.data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // a heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.id = value;
    if (field === "event") this.name = value;
    if (field === "data") this.data.push(value);
  }
}
