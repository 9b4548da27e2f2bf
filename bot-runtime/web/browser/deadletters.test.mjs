// What was given up, as a supervisor decides about it at the desk.

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import * as b from "./browser.mjs";
import { payloads } from "./payloads.mjs";

describe("dead letters", () => {
  let page;
  b.atTheDesk((one) => (page = one));
  afterEach(() => b.healBot(false));

  const entry = () => page.getByRole("button", { name: /^Pesan gagal/ });
  const letter = (citizen) => page.getByRole("article", { name: citizen });
  const focused = (one) => one.evaluate((element) => element === document.activeElement);

  // givenUp is a citizen whose message is a dead letter now.
  async function givenUp(name, text = "kartu saya mati") {
    const citizen = b.unique(name);
    await b.says(citizen, text);
    await b.until("the bot begs pardon", async () => (await b.said(citizen)).length === 1);
    return citizen;
  }

  async function openList(supervisor) {
    await b.signIn(page, supervisor, { available: false });
    await entry().click();
    await page.getByRole("heading", { name: "Pesan gagal" }).waitFor();
  }

  test("a supervisor has what was given up handled again, and the citizen is answered once", async () => {
    const citizen = b.unique("Sari");
    await b.says(citizen, "halo");
    await b.says(citizen, "kartu saya rusak");
    await b.until("the bot has tried, and begs pardon", async () => (await b.said(citizen)).length === 2);
    await b.signIn(page, "ani", { available: false });
    assert.equal(await entry().count(), 0, "an agent is not told");
    await b.leave(page);

    await openList("sri");
    const one = letter(citizen);
    await one.getByText("Pesan warga gagal diproses").waitFor();
    await one.getByText("Bot gagal memprosesnya berkali-kali").waitFor();
    await one.getByText("dicoba 3×").waitFor();
    assert.equal(await one.getByText("division by zero").isVisible(), false);
    await one.getByText("Rincian").click();
    await one.getByText("division by zero").waitFor();
    assert.equal(await one.getByText("kartu saya rusak").count(), 0, "what was written is shown when it is asked for");
    await one.getByRole("button", { name: "Baca isinya" }).click();
    await one.getByText("kartu saya rusak").waitFor();

    await b.healBot(true);
    const count = Number(await entry().locator(".count").textContent());
    await one.getByRole("button", { name: "Proses lagi" }).click();
    await one.getByText("Diproses lagi").waitFor();
    assert.equal(await one.getByRole("button").count(), 0, "it is decided");
    await b.until("the header counts one less", async () => Number(await entry().locator(".count").textContent()) === count - 1);
    await b.until("the citizen is answered", async () => (await b.said(citizen)).length === 3);
    await b.says(citizen, "terima kasih");
    await b.until("and so is what comes after it", async () => (await b.said(citizen)).length === 4);
    assert.deepEqual(await b.said(citizen), ["Anda menulis: halo", "Maaf, ada gangguan.", "Anda menulis: kartu saya rusak", "Anda menulis: terima kasih"]);
    await page.getByRole("button", { name: "Kembali ke percakapan" }).click();
    await page.getByText("Tempat kosong").first().waitFor();
    assert.ok(await focused(entry()), "the focus is where it came from");
  });

  test("a message that did not arrive is sent again", async () => {
    const citizen = b.unique("Tono");
    await b.says(citizen, "halo");
    await b.until("the bot answers", async () => (await b.said(citizen)).length === 1);
    await b.settled(citizen);
    await b.fails(citizen, 131026, "Message undeliverable");
    await openList("sri");
    await letter(citizen).getByText("Warga tidak dapat dicapai di WhatsApp").waitFor();
    await letter(citizen).getByRole("button", { name: "Baca isinya" }).click();
    await letter(citizen).getByText("Anda menulis: halo").waitFor();
    await letter(citizen).getByRole("button", { name: "Kirim lagi" }).click();
    await letter(citizen).getByText("Dikirim lagi").waitFor();
    await b.settled(citizen);
    assert.deepEqual(await b.said(citizen), ["Anda menulis: halo"]);
  });

  test("dropping asks first, and all of it is done by keyboard", async () => {
    const citizen = await givenUp("Hana");
    await b.signIn(page, "tri", { available: false });
    await entry().focus();
    await page.keyboard.press("Enter");
    const one = letter(citizen);
    await one.waitFor();
    assert.ok(await focused(page.getByRole("heading", { name: "Pesan gagal" })), "the list is where the reader is");
    const at = () => page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.textContent}`);
    const order = [];
    for (let i = 0; i < 200 && !order.at(-1)?.endsWith("Hapus"); i++) {
      await page.keyboard.press("Tab");
      const here = await at();
      if (await one.evaluate((article) => article.contains(document.activeElement))) order.push(here);
    }
    assert.deepEqual(order, ["SUMMARY Rincian", "BUTTON Baca isinya (dicatat)", "BUTTON Proses lagi", "BUTTON Hapus"]);

    await page.keyboard.press("Enter");
    await one.getByRole("alertdialog").getByText("Hapus untuk selamanya?").waitFor();
    assert.ok(await focused(one.getByRole("button", { name: "Batal" })), "the safe answer has the focus");
    assert.deepEqual(await b.barriers(page), []);
    await page.keyboard.press("Escape");
    await one.getByRole("alertdialog").waitFor({ state: "detached" });
    assert.ok(await focused(one.getByRole("button", { name: "Hapus" })), "and the focus goes back");

    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await one.getByText("Dihapus.").waitFor();
    assert.ok(await focused(one.locator(".outcome")), "what became of it is read out");
    await page.keyboard.press("Escape");
    await page.getByText("Tempat kosong").first().waitFor();
    await entry().click();
    await page.getByRole("heading", { name: "Pesan gagal" }).waitFor();
    await page.locator('.letters[aria-busy="false"]').waitFor();
    assert.equal(await one.count(), 0, "it does not come back");
    assert.deepEqual(await b.said(citizen), ["Maaf, ada gangguan."]);
  });

  test("what a colleague has decided says so, and what cannot be repeated too", async () => {
    const citizen = await givenUp("Indra");
    const late = b.unique("Joko");
    await b.says(late, "halo");
    await b.settled(late);
    await b.fails(late, 131026, "Message undeliverable");
    await openList("tri");
    await letter(citizen).waitFor();
    await letter(late).waitFor();
    await page.route(/replay$/, (route) => route.fulfill({ status: 404, json: { error: { code: "no-dead-letter", message: "x" } } }), { times: 1 });
    await letter(citizen).getByRole("button", { name: "Proses lagi" }).click();
    await letter(citizen).getByText("Sudah diputuskan").waitFor();
    await b.arrives(late);
    await letter(late).getByRole("button", { name: "Kirim lagi" }).click();
    await letter(late).getByRole("alert").getByText("ternyata sudah sampai").waitFor();
    await letter(late).getByRole("button", { name: "Hapus" }).click();
    await letter(late).getByRole("button", { name: "Ya, hapus" }).click();
    await letter(late).getByText("Dihapus.").waitFor();
  });

  test("what is given up while the list is open comes into it", async () => {
    const first = await givenUp("Kiki");
    await openList("tri");
    await letter(first).waitFor();
    const second = await givenUp("Lia");
    await letter(first).getByRole("button", { name: "Hapus" }).click();
    await letter(first).getByRole("button", { name: "Ya, hapus" }).click();
    await letter(second).waitFor();
    await letter(first).getByText("Dihapus.").waitFor();
  });

  test("when the line drops the letter stays, and a second click decides", async () => {
    const citizen = await givenUp("Mira");
    await openList("umi");
    await letter(citizen).waitFor();
    await b.cut();
    await page.getByText("Sambungan terputus").waitFor();
    await letter(citizen).getByRole("button", { name: "Proses lagi" }).click();
    await letter(citizen).getByRole("alert").getByText("belum pasti").waitFor();
    await b.mend();
    await b.healBot(true);
    await page.getByText("Sambungan terputus").waitFor({ state: "detached" });
    await letter(citizen).getByRole("button", { name: "Proses lagi" }).click();
    await letter(citizen).getByText("Diproses lagi").waitFor();
    await b.until("the citizen is answered", async () => (await b.said(citizen)).length === 2);
  });

  test("hostile text in a dead letter is text", async () => {
    const hostile = payloads.slice(0, -1).map((payload) => ({ payload, citizen: `${payload.slice(0, 200)} ${b.unique("")}`.trim() }));
    for (const { payload, citizen } of hostile) await b.says(citizen, `mati ${payload}`, { body: { kind: "media", mediaType: "document", fileName: payload } });
    for (const { citizen } of hostile) await b.until("it is given up", async () => (await b.said(citizen)).length === 1);
    await openList("umi");
    for (const { payload, citizen } of hostile) {
      const one = page.locator(".letter").filter({ has: page.locator("h3").getByText(citizen, { exact: true }) });
      const more = page.getByRole("button", { name: "Tampilkan berikutnya" });
      for (;;) {
        await one.or(more).first().waitFor();
        if ((await one.count()) > 0) break;
        await more.click();
      }
      await one.getByRole("button", { name: "Baca isinya" }).click();
      await one.locator(".written").waitFor();
      const shown = await one.evaluate((article) => ({
        name: article.querySelector("h3 bdi").textContent,
        said: [...article.querySelectorAll(".written .said")].map((said) => said.textContent.trim()),
        elements: article.querySelectorAll("a, img, iframe, script, style, svg, math, base, object, embed, form").length,
      }));
      assert.deepEqual(shown, { name: citizen, said: [payload.trim(), `mati ${payload}`.trim()], elements: 0 });
    }
  });

  test("the list and the header are good on a phone, in both schemes and in English", async () => {
    const citizen = await givenUp("Fajar", `mati ${"w".repeat(300)}`);
    await page.setViewportSize({ width: 390, height: 844 });
    await openList("umi");
    const within = async (what) => {
      const { wide, header, height } = await page.evaluate(() => ({
        wide: [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest(".hidden")).length,
        header: document.querySelector(".header").getBoundingClientRect().height,
        height: innerHeight,
      }));
      assert.equal(wide, 0, `${what}: something is wider than the phone`);
      return header / height;
    };
    await letter(citizen).waitFor();
    await letter(citizen).getByRole("button", { name: "Baca isinya" }).click();
    await letter(citizen).getByText("w".repeat(300)).waitFor();
    if (process.env.LOKET_PICTURES) await page.screenshot({ path: `${process.env.LOKET_PICTURES}/letters-phone.png` });
    assert.ok((await within("390")) < 1 / 7, "the header leaves the height to the work");
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await b.barriers(page), [], colorScheme);
    }
    await page.setViewportSize({ width: 320, height: 640 });
    await within("320");
    await page.getByLabel("Bahasa").selectOption("en");
    const one = page.getByRole("article", { name: citizen });
    await one.getByText("The program died of this message").waitFor();
    await within("320, in English");
    await one.getByRole("button", { name: "Delete" }).click();
    await one.getByRole("button", { name: "Yes, delete" }).click();
    await one.getByText("Deleted.").waitFor();
    await page.getByLabel("Language").selectOption("id");
    await page.setViewportSize({ width: 1440, height: 900 });
  });
});
