import { useEffect, useLayoutEffect, useState } from "preact/hooks";

// A Model is a page's state in one place: components read it and call actions, and only actions change it.
export interface Model<T> {
  get(): T;
  change(part: Partial<T>): void;
  watch(seen: () => void): () => void;
}

export function modelOf<T extends object>(start: T): Model<T> {
  let now = start;
  const watchers = new Set<() => void>();
  return {
    get: () => now,
    change(part) {
      now = { ...now, ...part };
      for (const seen of watchers) seen();
    },
    watch(seen) {
      watchers.add(seen);
      return () => watchers.delete(seen);
    },
  };
}

export function useModel<T>(model: Model<T>): T {
  const [, again] = useState(0);
  // Within the rendering itself: what changed between it and an effect after the paint would never be shown.
  useLayoutEffect(() => model.watch(() => again((n) => n + 1)), [model]);
  return model.get();
}

// useSeconds renders again every second: for what counts up or down.
export function useSeconds(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
