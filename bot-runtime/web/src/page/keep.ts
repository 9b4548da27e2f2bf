// What a page keeps in the browser. Storage may be forbidden (a sandboxed frame, a strict browser): then it is memory only,
// and a reload starts anew.

export interface Keep {
  get<T>(key: string): T | null;
  put(key: string, value: unknown): void;
  drop(key: string): void;
  keys(): string[];
}

export function keepIn(where: () => Storage, prefix: string): Keep {
  const memory = new Map<string, string>();
  const storage = reachable(where);
  const name = (key: string) => prefix + key;
  return {
    get<T>(key: string): T | null {
      const text = storage ? storage.getItem(name(key)) : (memory.get(name(key)) ?? null);
      if (text === null) return null;
      try {
        return JSON.parse(text) as T;
      } catch {
        return null;
      }
    },
    put(key, value) {
      const text = JSON.stringify(value);
      try {
        if (storage) storage.setItem(name(key), text);
        else memory.set(name(key), text);
      } catch {
        memory.set(name(key), text); // full
      }
    },
    drop(key) {
      storage?.removeItem(name(key));
      memory.delete(name(key));
    },
    keys() {
      const all = storage ? Object.keys(storage) : [...memory.keys()];
      return all.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    },
  };
}

function reachable(where: () => Storage): Storage | null {
  try {
    const storage = where();
    storage.getItem("");
    return storage;
  } catch {
    return null;
  }
}
