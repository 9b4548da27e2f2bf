// The web chat, as a citizen uses it: the page of its own and the widget on an agency's site.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import * as b from "./browser.mjs";
import { payloads } from "./payloads.mjs";

const chatURL = `${b.base}/chat/web/`;

async function say(page, text) {
  await page.getByLabel("Pesan", { exact: true }).fill(text);
  await page.getByLabel("Pesan", { exact: true }).press("Enter");
}

describe("the web chat", () => {
  let browser;
  let page;
  before(async () => (browser = await b.openBrowser()));
  after(() => browser.close());
  beforeEach(async () => (page = await b.watched(browser.context)));
  afterEach(async () => {
    await b.mend();
    assert.deepEqual(page.complaints, []);
    await page.goto(chatURL);
    await page.evaluate(() => localStorage.clear());
    await page.close();
  });

  test("a citizen writes, is answered, taps a choice, and a reload keeps it all", async () => {
    await page.goto(chatURL);
    await say(page, "apakah Dana Mekar resmi?");
    await page.getByText("Anda menulis: apakah Dana Mekar resmi?").waitFor();
    await page.getByRole("button", { name: "Cek lagi" }).click();
    await page.getByText("Anda menulis: Cek lagi").waitFor();
    await page.reload();
    await page.getByText("Anda menulis: Cek lagi").waitFor();
    const said = await page.locator(".line .said").allTextContents();
    assert.deepEqual(said, ["apakah Dana Mekar resmi?", "Anda menulis: apakah Dana Mekar resmi?", "Cek lagi", "Anda menulis: Cek lagi"]);
    assert.equal(await page.getByRole("button", { name: "Cek lagi" }).count(), 1, "only the newest choices can be tapped");
  });

  test("a citizen who is handed over talks with a person, and comes back to the bot", async () => {
    const desk = await b.watched(browser.context);
    await b.signIn(desk, "ani");
    await page.goto(chatURL);
    await say(page, "saya mau petugas");
    await desk.getByText("Warga menulis: saya mau petugas").waitFor();
    await desk.getByRole("textbox").fill("Dengan Ani, ada yang bisa dibantu?");
    await desk.getByRole("textbox").press("Enter");
    await page.getByText("Dengan Ani, ada yang bisa dibantu?").waitFor();
    await say(page, "ya, terima kasih");
    await desk.getByText("ya, terima kasih").waitFor();
    await desk.getByRole("button", { name: "Selesai" }).click();
    await desk.getByRole("alertdialog").getByText("belum dijawab").waitFor(); // "terima kasih" is
    await desk.getByRole("button", { name: "Tetap selesai" }).click();
    await page.getByText("Terima kasih. Sampai jumpa.").waitFor();
    await b.leave(desk);
    assert.deepEqual(desk.complaints, []);
    await desk.close();
  });

  test("offline is said, and what was written then goes out once, in order", async () => {
    await page.goto(chatURL);
    await say(page, "satu");
    await page.getByText("Anda menulis: satu").waitFor();
    await b.cut();
    await page.getByText("Anda sedang luring").waitFor();
    await say(page, "dua");
    await say(page, "tiga");
    await page.getByText("menunggu sambungan").first().waitFor();
    await b.mend();
    await page.getByText("Anda menulis: tiga").waitFor();
    await page.getByText("Anda sedang luring").waitFor({ state: "detached" });
    const mine = await page.locator(".line.mine .said").allTextContents();
    assert.deepEqual(mine, ["satu", "dua", "tiga"]);
  });

  test("a message whose answer was lost is sent again and shown once", async () => {
    await page.goto(chatURL);
    const posts = [];
    await page.route(/\/api\/(messages|events)/, async (route) => {
      const post = route.request().method() === "POST";
      if (posts.length > 1) return route.continue();
      if (!post) return route.abort(); // nor is it read in another way
      posts.push(route.request().postDataJSON().clientId);
      if (posts.length > 1) return route.continue();
      await route.fetch(); // the server has it, and the page does not know
      return route.abort();
    });
    await say(page, "sekali saja");
    await page.getByText("Anda menulis: sekali saja").waitFor();
    assert.equal(posts.length, 2);
    assert.equal(posts[0], posts[1], "under the same name");
    await page.reload();
    await page.getByText("Anda menulis: sekali saja").waitFor();
    assert.equal(await page.locator(".line.mine").count(), 1);
    assert.equal(await page.locator(".line.bot").count(), 1);
  });

  test("a page that is closed while offline sends later what was written", async () => {
    await page.goto(chatURL);
    await say(page, "satu");
    await page.getByText("Anda menulis: satu").waitFor();
    await b.cut();
    await page.getByText("Anda sedang luring").waitFor();
    await say(page, "jangan hilang");
    await page.getByText("menunggu sambungan").waitFor();
    await b.mend();
    await page.reload();
    await page.getByText("Anda menulis: jangan hilang").waitFor();
    assert.deepEqual(await page.locator(".line.mine .said").allTextContents(), ["satu", "jangan hilang"]);
  });

  test("the bot speaks the language that is chosen, and may be told another later", async () => {
    await page.goto(chatURL);
    await say(page, "satu");
    await page.getByText("Anda menulis: satu").waitFor();
    const posts = [];
    page.on("request", (request) => request.method() === "POST" && request.url().endsWith("/messages") && posts.push(request.postDataJSON()));
    await page.getByLabel("Bahasa").selectOption("en");
    await page.getByLabel("Message", { exact: true }).fill("two");
    await page.getByLabel("Message", { exact: true }).press("Enter");
    await page.getByText("You wrote: two").waitFor();
    await page.getByRole("button", { name: "Cek lagi" }).click();
    await page.getByText("You wrote: Cek lagi").waitFor();
    assert.deepEqual(posts.map((post) => post.language), ["en", undefined], "the choice goes with one message, so that a word to the bot counts later");
    await page.reload();
    await page.getByLabel("Message", { exact: true }).fill("three");
    await page.getByLabel("Message", { exact: true }).press("Enter");
    await page.getByText("You wrote: three").waitFor();
    assert.equal(posts.at(-1).language, undefined);
  });

  test("on a shared computer the conversation can be forgotten, in all tabs, once confirmed", async () => {
    await page.goto(chatURL);
    const forget = page.getByRole("button", { name: "Hapus percakapan dari perangkat ini" });
    assert.equal(await forget.count(), 0, "there is nothing to forget yet");
    await say(page, "rahasia saya");
    await page.getByText("Anda menulis: rahasia saya").waitFor();
    const other = await b.watched(browser.context);
    await other.goto(chatURL);
    await other.getByText("Anda menulis: rahasia saya").waitFor();
    await page.getByLabel("Pesan", { exact: true }).fill("setengah");

    await forget.click();
    const ask = page.getByRole("alertdialog");
    await ask.getByText("tidak dapat dibuka lagi").waitFor();
    assert.equal(await ask.getByRole("button", { name: "Batal" }).evaluate((one) => one === document.activeElement), true, "the safe answer has the focus");
    assert.deepEqual(await b.barriers(page), []);
    await page.keyboard.press("Escape");
    await ask.waitFor({ state: "detached" });
    assert.equal(await forget.evaluate((one) => one === document.activeElement), true);
    assert.equal(await page.getByText("Anda menulis: rahasia saya").count(), 1);

    await forget.press("Enter");
    await ask.getByRole("button", { name: "Hapus" }).click();
    await page.getByText("Tulis pertanyaan Anda untuk mulai").waitFor();
    assert.equal(await page.getByLabel("Pesan", { exact: true }).inputValue(), "");
    assert.equal(await page.getByLabel("Pesan", { exact: true }).evaluate((one) => one === document.activeElement), true);
    await other.getByText("Tulis pertanyaan Anda untuk mulai").waitFor();
    await page.reload();
    await page.getByText("Tulis pertanyaan Anda untuk mulai").waitFor();
    await say(page, "orang lain");
    await page.getByText("Anda menulis: orang lain").waitFor();
    assert.deepEqual(await page.locator(".line.mine .said").allTextContents(), ["orang lain"]);
    await other.close();
  });

  test("a page that is painted late opens all the same", async () => {
    await page.addInitScript(() => {
      const { setTimeout } = window;
      window.requestAnimationFrame = (done) => setTimeout(() => done(performance.now()), 3000);
      window.setTimeout = (done, time = 0, ...more) => setTimeout(done, Math.max(time, 3000), ...more);
    });
    const config = page.waitForResponse(/\/api\/config/);
    await page.goto(chatURL);
    await (await config).finished();
    await page.getByText("Tulis pertanyaan Anda untuk mulai").waitFor();
  });

  test("answers come although the server has no room for a stream", async () => {
    await page.route(/\/api\/events/, (route) => route.fulfill({ status: 503, headers: { "Retry-After": "1" }, body: "{}" }));
    await page.goto(chatURL);
    await say(page, "penuh");
    await page.getByText("Anda menulis: penuh").waitFor();
  });

  test("hostile text is text", async () => {
    await page.goto(chatURL);
    for (const payload of payloads) {
      await say(page, payload);
      await page.getByText(`Anda menulis: ${payload}`, { exact: true }).waitFor();
    }
    assert.equal(await page.locator(".transcript").locator("a, img, iframe, script, style, svg, math, base, form").count(), 0);
  });

  test("nothing stands in the way of people with impairments, in both schemes", async () => {
    await page.goto(chatURL);
    await say(page, "halo");
    await page.getByRole("button", { name: "Cek lagi" }).waitFor();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await b.barriers(page), [], colorScheme);
    }
    await b.cut();
    await page.getByText("Anda sedang luring").waitFor();
    assert.deepEqual(await b.barriers(page), [], "offline");
  });

  test("the widget talks on an agency's site, under the site's own strict policy", async () => {
    await page.goto(`${b.site}/test/site`);
    const button = page.getByRole("button", { name: "Buka obrolan" });
    await button.waitFor();
    assert.ok(!page.frames().some((one) => one.url().includes("/chat/web/")), "nothing is loaded before the first click");
    await button.click();
    const frame = page.frameLocator("iframe[title=Obrolan]");
    await say(frame, "halo dari situs");
    await frame.getByText("Anda menulis: halo dari situs").waitFor();
    await frame.getByLabel("Pesan", { exact: true }).press("Escape");
    await button.waitFor();
    assert.equal(await button.getAttribute("aria-expanded"), "false");
    assert.deepEqual(await b.barriers(page), []);

    await page.reload();
    await button.click();
    await frame.getByText("Anda menulis: halo dari situs").waitFor();
  });

  test("a site that the agency has not named cannot show the chat", async () => {
    await page.goto(`${b.strangeSite}/test/site`);
    await page.getByRole("button", { name: "Buka obrolan" }).click();
    await b.until("the frame is refused", async () => page.frames().length > 1 && page.frames()[1].url().startsWith("chrome-error:"));
  });
});
