// The pages' own words: every one of them in both languages.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// alike are words that both languages share.
const alike = new Set(["bot", "video", "audio"]);

for (const page of ["chat", "desk"]) {
  test(`every text of the ${page} is there in Indonesian and in English`, () => {
    const source = readFileSync(new URL(`../src/${page}/text.ts`, import.meta.url), "utf8");
    const [id, en] = [...source.matchAll(/^const (?:id|en)[^=]*= \{\n(.*?)^\};/gms)].map(([, body]) => new Map(
      [...body.matchAll(/^  (\w+): "((?:[^"\\]|\\.)*)",$/gm)].map(([, key, words]) => [key, words]),
    ));
    assert.deepEqual([...en.keys()], [...id.keys()]);
    assert.ok(id.size > 15);
    assert.equal(source.match(/^  \w+:/gm).length, id.size + en.size, "every line was read");
    for (const [key, words] of id) {
      assert.ok(words.trim() && en.get(key).trim(), `${key} is empty`);
      if (!alike.has(key)) assert.notEqual(words, en.get(key), `${key} is not translated`);
    }
  });
}
