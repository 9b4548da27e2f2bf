// What every test in the browser needs: Chromium, a page that reports what a policy refused, and the citizen's side.

import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach } from "node:test";

import { chromium } from "playwright-core";

export const base = process.env.LOKET_BASE_URL ?? assert.fail("set LOKET_BASE_URL to a running server");
export const pool = process.env.LOKET_POOL ?? "contact-centre";
export const password = process.env.LOKET_PASSWORD ?? assert.fail("set LOKET_PASSWORD to the agents' password");
export const consoleURL = `${base}/desk/${pool}/`;

// Two sites that embed the widget: one that the channel names, one that it does not.
export const site = base.replace("127.0.0.1", "localhost");
export const strangeSite = base.replace("127.0.0.1", "strange.localhost");

// patience is for machines with much else to do; nothing here waits longer than what it waits for.
const patience = 60_000;

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// openBrowser starts a Chromium with a profile of its own.
export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "loket-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    headless: true,
    args: [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      // Playwright switches off that frames of other sites have storage of their own; people's browsers have it, and the
      // widget lives on it.
      "--disable-features=Translate,MediaRouter",
    ],
    locale: "id-ID",
    timezoneId: "Asia/Jakarta",
    viewport: { width: 1440, height: 900 },
  });
  context.setDefaultTimeout(patience);
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

// watched is a new page that remembers every script error, every dialog, and everything that the page's policy refused.
export async function watched(context) {
  const page = await context.newPage();
  const complaints = [];
  await page.exposeFunction("loketComplains", (text) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => window.loketComplains(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", async (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.complaints = complaints;
  return page;
}

// atTheDesk gives each test of a suite a page on which nobody is signed in. After it the line is up, what an agent held on it is given
// back, and nothing was refused.
export function atTheDesk(take) {
  let browser;
  let page;
  before(async () => (browser = await openBrowser()));
  after(() => browser.close());
  beforeEach(async () => {
    await browser.context.clearCookies();
    page = await watched(browser.context);
    take(page);
  });
  afterEach(async () => {
    await mend();
    await leave(page);
    assert.deepEqual(page.complaints, []);
    await page.close();
  });
}

export async function signIn(page, agent, { available = true } = {}) {
  await page.goto(consoleURL);
  await page.getByLabel("Nama petugas").fill(agent);
  await page.getByLabel("Kata sandi").fill(password);
  await page.getByRole("button", { name: "Masuk" }).click();
  const take = page.getByRole("switch", { name: "Terima percakapan" });
  await take.waitFor();
  if (available && (await take.getAttribute("aria-checked")) !== "true") await take.click();
}

// leave closes what the agent holds and signs out, so that the next test's citizens come to the next test's agent.
export async function leave(page) {
  const out = page.getByRole("button", { name: "Keluar" });
  if ((await out.count()) === 0) return;
  await page.getByText("Sambungan terputus").waitFor({ state: "detached" });
  await closeAll(page);
  await out.click();
  await page.getByLabel("Nama petugas").waitFor();
}

export async function closeAll(page) {
  const done = page.getByRole("button", { name: "Selesai:" });
  for (let left = await done.count(); left > 0; left = await done.count()) {
    await done.first().click();
    const sure = page.getByRole("button", { name: "Tetap selesai" });
    await until("it is closed or asked about", async () => (await done.count()) < left || (await sure.count()) > 0);
    if ((await sure.count()) > 0) await sure.first().click();
    await until("the conversation is closed", async () => (await done.count()) < left);
  }
}

// says brings a citizen's message on WhatsApp.
export async function says(citizen, text, { ago = 0, body = {}, channel = "wa" } = {}) {
  const answer = await fetch(`${base}/test/says`, {
    method: "POST",
    body: JSON.stringify({ channel, citizen, id: randomUUID(), agoSeconds: ago, body: { kind: "text", text, ...body } }),
  });
  assert.equal(answer.status, 200);
}

// fails makes the platform refuse what was last sent to a citizen.
export async function fails(citizen, code, text, channel = "wa") {
  const answer = await fetch(`${base}/test/fails`, { method: "POST", body: JSON.stringify({ channel, citizen, code, text }) });
  assert.equal(answer.status, 200);
}

// arrives makes the platform say that what was last sent to a citizen was delivered.
export async function arrives(citizen, channel = "wa") {
  const answer = await fetch(`${base}/test/arrives`, { method: "POST", body: JSON.stringify({ channel, citizen }) });
  assert.equal(answer.status, 200);
}

// healBot makes the bot take the words that are too much for it, or not.
export const healBot = (healed) => fetch(`${base}/test/bot`, { method: "POST", body: JSON.stringify({ healed }) });

// said are all messages to a citizen; settled waits until the platform has them all.
export const said = async (citizen, channel = "wa") => (await transcript(citizen, channel)).map((one) => one.text);
export async function settled(citizen, channel = "wa") {
  await until("all is sent", async () => {
    const all = await transcript(citizen, channel);
    return all.length > 0 && all.every((one) => ["sent", "delivered"].includes(one.state));
  });
}

async function transcript(citizen, channel) {
  return (await fetch(`${base}/test/said/${channel}/${encodeURIComponent(citizen)}`)).json();
}

// replies are the agents' messages to a citizen.
export async function replies(citizen, channel = "wa") {
  return (await fetch(`${base}/test/replies/${channel}/${encodeURIComponent(citizen)}`)).json();
}

export const cut = () => fetch(`${base}/test/down`).catch(() => {});
export const mend = () => fetch(`${base}/test/up`);

// answered waits until a conversation is answered, and the server has the answer: the page shows it before.
export async function answered(column) {
  await column.getByText("sudah dijawab").waitFor();
  await column.locator(".line.pending").first().waitFor({ state: "detached" });
}

export function column(page, citizen) {
  return page.getByRole("region", { name: citizen, exact: true });
}

// until waits for a condition outside the page.
export async function until(what, holds, limit = patience) {
  const end = Date.now() + limit;
  for (;;) {
    if (await holds()) return;
    if (Date.now() > end) assert.fail(`never happened: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

// barriers are what axe-core finds, as lines.
export async function barriers(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  return violations.flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.target.join(" ")} ${node.failureSummary}`));
}

export const unique = (name) => `${name} ${randomUUID().slice(0, 8)}`;
