// The look-up, as an agent uses it beside a conversation.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import * as b from "./browser.mjs";

describe("the look-up", () => {
  let page;
  b.atTheDesk((one) => (page = one));

  const bar = () => page.getByRole("region", { name: "Cek lembaga" });
  const field = () => bar().getByRole("textbox");
  const focused = (one) => one.evaluate((element) => element === document.activeElement);

  async function lookUp(text) {
    await field().fill(text);
    await field().press("Enter");
  }

  test("an agent looks up what a citizen asks about, by keyboard, and goes on writing", async () => {
    const citizen = b.unique("Sari");
    await b.signIn(page, "gita");
    await b.says(citizen, "petugas");
    const box = b.column(page, citizen).getByRole("textbox");
    await box.fill("Kami cek dulu: 1/2");
    assert.equal(await bar().count(), 0, "a slash in a reply is a slash");
    await box.press("Escape");
    await page.keyboard.press("/");
    assert.ok(await focused(field()));

    await lookUp("apakah dana mekar jaya resmi kak?");
    const answer = bar().getByRole("article");
    await answer.getByText("Terdaftar, cocok").waitFor();
    for (const text of ["PT Dana Mekar Jaya", "berizin", "KEP-12/D.05/2021", "danamekar.example", "021 1234567", "Alamat", "Jl. <i>Melati</i> 1, Solo", "note", "sejak 1998"]) {
      await answer.getByText(text, { exact: true }).waitFor();
    }
    await lookUp("Dana Mekar Jaya Plus");
    await answer.getByText("Awas: mirip, tetapi bukan ini").waitFor();
    await answer.getByText("Yang asli: PT Dana Mekar Jaya").waitFor();
    await lookUp("koperasi entah apa");
    await answer.getByText("Tidak ditemukan").waitFor();
    assert.equal(await box.inputValue(), "Kami cek dulu: 1/2", "the draft is as it was");

    await page.keyboard.press("Escape");
    await bar().waitFor({ state: "detached" });
    assert.ok(await focused(page.getByRole("button", { name: "Cek lembaga" })), "the focus goes back");
  });

  test("what is on the warning list is a warning, and its name is text", async () => {
    await b.signIn(page, "gita", { available: false });
    await page.getByRole("button", { name: "Cek lembaga" }).click();
    await lookUp("pinjam kilat b jaya b");
    await bar().getByText("Awas: ada di daftar ilegal").waitFor();
    await bar().getByText("Pinjam Kilat <b>Jaya</b>", { exact: true }).waitFor();
    assert.equal(await bar().locator("b").count(), 0);
  });

  test("when the server does not answer it says so, and a second try finds", async () => {
    await b.signIn(page, "gita", { available: false });
    await page.keyboard.press("/");
    await page.route(/\/lookup$/, (route) => route.abort(), { times: 1 });
    await lookUp("dana mekar");
    await bar().getByText("server tidak menjawab").waitFor();
    await field().press("Enter");
    await bar().getByText("Terdaftar, cocok").waitFor();
  });

  test("nothing stands in the way of people with impairments, in both schemes, in English and on a phone", async () => {
    await b.signIn(page, "gita", { available: false });
    await page.keyboard.press("/");
    for (const [text, found] of [["dana mekar", "exact"], ["dana mekar plus", "lookalike"], ["dana mekkar", "confident"], ["entah apa", "none"]]) {
      await lookUp(text);
      await bar().locator(`[data-outcome="${found}"]`).waitFor();
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await b.barriers(page), [], `${text}, ${colorScheme}`);
      }
    }
    await lookUp("dana mekar plus");
    await page.getByLabel("Bahasa").selectOption("en");
    await page.getByText("Careful: alike, but not this one").waitFor();
    await page.getByText("Address", { exact: true }).waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    const { width, scrolls } = await page.evaluate(() => ({ width: innerWidth, scrolls: document.documentElement.scrollWidth }));
    assert.ok(scrolls <= width, `the page is ${scrolls} wide on a screen of ${width}`);
    if (process.env.LOKET_PICTURES) await page.screenshot({ path: `${process.env.LOKET_PICTURES}/lookup-phone.png` });
    await page.setViewportSize({ width: 1440, height: 900 });
    if (process.env.LOKET_PICTURES) await page.screenshot({ path: `${process.env.LOKET_PICTURES}/lookup.png` });
    await page.getByLabel("Language").selectOption("id");
  });
});
