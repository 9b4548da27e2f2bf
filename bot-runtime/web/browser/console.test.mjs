// The agents' console, as an agent uses it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import * as b from "./browser.mjs";
import { payloads } from "./payloads.mjs";

describe("the console", () => {
  let page;
  b.atTheDesk((one) => (page = one));

  test("an agent signs in, is given a citizen, answers and closes", async () => {
    const citizen = b.unique("Sari");
    await b.signIn(page, "ani");
    await b.says(citizen, "apakah Dana Mekar resmi?");
    await b.until("the bot has answered", async () => (await b.said(citizen)).length > 0); // what it answers with the hand-off comes after
    await b.says(citizen, "mau petugas");
    const column = b.column(page, citizen);
    await column.getByText("Warga menulis: mau petugas").waitFor();
    await assert.rejects(column.getByText("Anda menulis: apakah Dana Mekar resmi?").waitFor({ timeout: 500 }), "the bot's part is folded");
    await column.getByText("Sebelum diserahkan").click();
    await column.getByText("Anda menulis: apakah Dana Mekar resmi?").waitFor();

    await column.getByRole("textbox").fill("Selamat pagi.\nKami cek dulu.");
    await column.getByRole("textbox").press("Enter");
    await column.getByText("Anda · ").getByText("terkirim").waitFor();
    assert.deepEqual(await b.replies(citizen), ["Selamat pagi.\nKami cek dulu."]);

    await column.getByRole("button", { name: "Selesai" }).click();
    await column.waitFor({ state: "detached" });
  });

  test("an agent sees for which skill a citizen came, whether it is theirs, and their own", async () => {
    const [first, second] = [b.unique("Joko"), b.unique("Kiki")];
    await b.signIn(page, "wati"); // who has no skill, and nobody who has is there
    await b.says(first, "petugas syariah");
    const stranger = b.column(page, first);
    await stranger.getByText("perlu: syariah · bukan keahlian Anda").waitFor();
    assert.equal(await page.locator("[data-skills]").count(), 0);
    assert.deepEqual(await b.barriers(page), []);
    await page.getByLabel("Bahasa").selectOption("en");
    await stranger.getByText("needs: syariah · not a skill of yours").waitFor();
    await page.getByLabel("Language").selectOption("id");

    await b.leave(page);
    await b.signIn(page, "vivi");
    await page.getByText("keahlian: english, syariah").waitFor();
    await b.says(second, "petugas syariah");
    const own = b.column(page, second);
    await own.getByText("perlu: syariah", { exact: true }).waitFor();
    assert.deepEqual(await b.barriers(page), []);
  });

  test("a wrong password is said to be wrong, and the page speaks English too", async () => {
    await page.goto(b.consoleURL);
    await page.getByLabel("Bahasa").selectOption("en");
    await page.getByLabel("Agent name").fill("ani");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("The name or the password is not right.").waitFor();
    await page.getByLabel("Language").selectOption("id");
  });

  test("a refusal that no password can mend sends the agent to the platform team", async () => {
    await page.goto(b.consoleURL);
    const refuse = (status, code) =>
      page.route(/\/api\/session/, (route) => route.fulfill({ status, json: { error: { code, message: "x" } } }), { times: 1 });
    const tries = async () => {
      await page.getByLabel("Nama petugas").fill("ani");
      await page.getByLabel("Kata sandi").fill(b.password);
      await page.getByRole("button", { name: "Masuk" }).click();
    };
    const notice = page.getByRole("alert");
    await refuse(403, "foreign-origin");
    await tries();
    await notice.getByText("alamat").getByText("Hubungi tim platform").waitFor();
    await refuse(409, "whatever");
    await tries();
    await notice.getByText("Masuk ditolak").getByText("Hubungi tim platform").waitFor();
    await refuse(429, "too-many-attempts");
    await tries();
    await notice.getByText("Terlalu banyak percobaan").waitFor();
    await refuse(403, "foreign-origin");
    await page.getByLabel("Bahasa").selectOption("en");
    await page.getByRole("button", { name: "Sign in" }).click();
    await notice.getByText("address").getByText("platform team").waitFor();
    await page.getByLabel("Language").selectOption("id");
  });

  test("a click on Done asks once while a draft or a citizen waits, and not after an answer", async () => {
    const citizen = b.unique("Hana");
    await b.signIn(page, "ani");
    await b.says(citizen, "petugas");
    const column = b.column(page, citizen);
    const done = column.getByRole("button", { name: "Selesai:" });
    const ask = column.getByRole("alertdialog");
    const focused = (one) => one.evaluate((element) => element === document.activeElement);

    await done.click();
    await ask.getByText("belum dijawab").waitFor();
    assert.ok(await focused(ask.getByRole("button", { name: "Batal" })), "the safe answer has the focus");
    assert.deepEqual(await b.barriers(page), []);
    await page.keyboard.press("Escape");
    await ask.waitFor({ state: "detached" });
    assert.ok(await focused(done), "and the focus goes back");

    await column.getByRole("textbox").fill("Pak Hana, kami");
    await done.press("Enter");
    await ask.getByText("Draf belum dikirim").waitFor();
    await page.keyboard.press("Enter"); // on Cancel
    assert.equal(await column.getByRole("textbox").inputValue(), "Pak Hana, kami");

    await column.getByRole("textbox").press("Enter");
    await b.answered(column);
    await column.getByRole("textbox").fill("satu lagi");
    await done.press("Enter");
    assert.ok(!(await ask.textContent()).includes("dijawab"));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await column.waitFor({ state: "detached" });

    await b.says(citizen, "petugas lagi");
    await column.getByRole("textbox").fill("Sudah.");
    await column.getByRole("textbox").press("Enter");
    await b.answered(column);
    await done.click();
    await column.waitFor({ state: "detached" });
    assert.deepEqual(await b.replies(citizen), ["Pak Hana, kami", "Sudah."]);
  });

  test("a conversation that stays open because the citizen has just written says so", async () => {
    const citizen = b.unique("Ibu Lia");
    await b.signIn(page, "ani");
    await b.says(citizen, "petugas");
    const column = b.column(page, citizen);
    await column.getByRole("textbox").fill("Sudah.");
    await column.getByRole("textbox").press("Enter");
    await b.answered(column);
    await page.route(/\/close$/, (route) => route.fulfill({ status: 409, json: { error: { code: "unread", message: "x" } } }), { times: 1 });
    await column.getByRole("button", { name: "Selesai:" }).click();
    await column.getByRole("alert").getByText("Warga baru saja menulis").waitFor();
    await column.getByRole("button", { name: "Selesai:" }).click();
    await column.waitFor({ state: "detached" });
  });

  test("an agent reads why a message failed in their own language, with the platform's words at hand", async () => {
    const citizen = b.unique("Indra");
    await b.signIn(page, "ani");
    await b.says(citizen, "petugas");
    const column = b.column(page, citizen);
    await column.getByRole("textbox").fill("Selamat pagi");
    await column.getByRole("textbox").press("Enter");
    await column.getByText("Anda · ").getByText("terkirim").waitFor();
    await b.fails(citizen, 131026, "Message undeliverable");
    const failed = column.locator('[data-state="failed"]');
    await failed.getByText("Warga tidak dapat dicapai di WhatsApp").waitFor();
    assert.equal(await failed.getByText("Message undeliverable").isVisible(), false);
    await failed.getByText("Rincian").click();
    await failed.getByText("131026: Message undeliverable").waitFor();
    assert.deepEqual(await b.barriers(page), []);
    await page.getByLabel("Bahasa").selectOption("en");
    await failed.getByText("The citizen cannot be reached on WhatsApp").waitFor();
    await page.getByLabel("Language").selectOption("id");
  });

  test("a desk is worked by keyboard alone", async () => {
    const first = b.unique("Joko");
    const second = b.unique("Kiki");
    await page.goto(b.consoleURL);
    await page.getByLabel("Nama petugas").waitFor();
    await page.keyboard.type("ani"); // the first field has the focus
    await page.keyboard.press("Tab");
    await page.keyboard.type(b.password);
    await page.keyboard.press("Enter");
    await page.getByRole("switch").waitFor();
    const at = () => page.evaluate(() => {
      const one = document.activeElement;
      const outline = getComputedStyle(one).outlineStyle;
      return { what: `${one.tagName} ${one.getAttribute("role") ?? ""}`.trim(), where: one.closest("[data-conversation]") !== null, seen: outline !== "none" };
    });
    if ((await page.getByRole("switch").getAttribute("aria-checked")) !== "true") {
      for (let i = 0; i < 5 && (await at()).what !== "BUTTON switch"; i++) await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
    }
    await b.says(first, "petugas");
    await b.column(page, first).waitFor();
    await b.says(second, "petugas");
    await b.column(page, second).waitFor();

    await page.locator("h1").click(); // from the top
    const order = [];
    for (let i = 0; i < 20; i++) {
      await page.keyboard.press("Tab");
      const one = await at();
      if (one.what === "BODY") break;
      assert.ok(one.seen, `the focus shows on ${one.what}`);
      order.push(one.what + (one.where ? "" : " (head)"));
    }
    const column = ["BUTTON", "DIV log", "SUMMARY", "TEXTAREA"];
    assert.deepEqual(order, ["BUTTON switch (head)", "BUTTON (head)", "SELECT (head)", "BUTTON (head)", ...column, ...column]);

    await page.keyboard.press("n");
    await page.keyboard.type("baris satu");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("baris dua");
    await page.keyboard.press("Enter");
    await b.answered(b.column(page, first));
    assert.deepEqual(await b.replies(first), ["baris satu\nbaris dua"]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("n");
    await page.keyboard.type("halo");
    await page.keyboard.press("Enter");
    await b.answered(b.column(page, second));
    assert.deepEqual(await b.replies(second), ["halo"]);
  });

  test("a long name and a long word push nothing out of their column", async () => {
    const citizen = `${"Raden Mas Haryo Suryodiningrat ".repeat(4)}${b.unique("x".repeat(60))}`;
    await b.signIn(page, "ani");
    await b.says(citizen, "petugas");
    const column = b.column(page, citizen);
    await b.says(citizen, "w".repeat(400));
    await column.getByText("w".repeat(400)).waitFor();
    const { right } = await column.evaluate((one) => one.getBoundingClientRect());
    for (const one of [column.getByRole("button", { name: "Selesai:" }), column.getByRole("button", { name: "Kirim" }), column.locator(".waits"), column.locator(".bubble").last()]) {
      assert.ok((await one.evaluate((element) => element.getBoundingClientRect().right)) <= right, await one.textContent());
    }
  });

  test("a draft survives a reload", async () => {
    const citizen = b.unique("Budi");
    await b.signIn(page, "budi");
    await b.says(citizen, "petugas");
    await b.column(page, citizen).getByRole("textbox").fill("Pak Budi, kami se");
    await page.reload(); // before it could be saved
    assert.equal(await b.column(page, citizen).getByRole("textbox").inputValue(), "Pak Budi, kami se");
    await b.column(page, citizen).getByText("Draf tersimpan").waitFor();
    await page.evaluate(() => sessionStorage.clear()); // another computer
    await page.reload();
    assert.equal(await b.column(page, citizen).getByRole("textbox").inputValue(), "Pak Budi, kami se");
  });

  test("when the line drops it is said at once, nothing is lost, and what was sent goes out once", async () => {
    const citizen = b.unique("Citra");
    await b.signIn(page, "citra");
    await b.says(citizen, "petugas");
    const box = b.column(page, citizen).getByRole("textbox");
    await box.fill("dikirim saat putus");
    await b.cut();
    await page.getByText("Sambungan terputus").waitFor();
    await box.press("Enter");
    await box.fill("dan ini belum selesai");
    await b.column(page, citizen).getByText("Draf disimpan di peramban ini").waitFor();
    assert.deepEqual(await b.replies(citizen).catch(() => []), []);

    await b.mend();
    await page.getByText("Sambungan terputus").waitFor({ state: "detached" });
    await b.until("the reply is there", async () => (await b.replies(citizen)).length > 0);
    await b.column(page, citizen).getByText("Draf tersimpan").waitFor();
    assert.deepEqual(await b.replies(citizen), ["dikirim saat putus"]);
    assert.equal(await box.inputValue(), "dan ini belum selesai");
    await page.reload();
    assert.equal(await box.inputValue(), "dan ini belum selesai");
    assert.equal(await b.column(page, citizen).getByText("dikirim saat putus").count(), 1);
  });

  test("the browser being offline shows too", async () => {
    await b.signIn(page, "citra", { available: false });
    await page.context().setOffline(true);
    await page.getByText("Sambungan terputus").waitFor();
    await page.context().setOffline(false);
    await page.getByText("Sambungan terputus").waitFor({ state: "detached" });
  });

  test("the one who waits longest is lit, n goes there, and Esc loses nothing", async () => {
    const first = b.unique("Dewi");
    const second = b.unique("Eka");
    await b.signIn(page, "dewi");
    await b.says(first, "petugas");
    await b.column(page, first).waitFor();
    await b.says(second, "petugas");
    await b.column(page, second).waitFor();
    const lit = (citizen) => b.column(page, citizen).getByText("Menunggu paling lama");
    await lit(first).waitFor();
    assert.equal(await lit(second).count(), 0);

    const focused = (citizen) => b.column(page, citizen).getByRole("textbox").evaluate((box) => box === document.activeElement);
    await page.locator("body").press("n");
    assert.ok(await focused(first), "n goes to the first");
    await page.keyboard.type("setengah jalan, nanti");
    await page.keyboard.press("Escape");
    assert.ok(!(await focused(first)), "Esc leaves the box");
    await page.keyboard.press("n");
    assert.ok(await focused(second), "n goes on to the second");
    assert.equal(await b.column(page, first).getByRole("textbox").inputValue(), "setengah jalan, nanti");
    await b.column(page, first).getByRole("textbox").press("Enter");
    await b.answered(b.column(page, first));
    await lit(second).waitFor();
  });

  test("after 24 hours the box is closed and says why", async () => {
    const citizen = b.unique("Gita");
    await b.signIn(page, "gita");
    await b.says(citizen, "petugas", { ago: 24 * 3600 + 60 });
    const column = b.column(page, citizen);
    await column.getByRole("textbox").fill("halo");
    await column.getByRole("paragraph").getByText("Jendela 24 jam sudah lewat").waitFor();
    assert.ok(await column.getByRole("button", { name: "Kirim" }).isDisabled());
    await b.says(citizen, "masih di sini");
    await column.getByText("Jendela 24 jam: tersisa 23 jam").waitFor();
    assert.ok(await column.getByRole("button", { name: "Kirim" }).isEnabled());
  });

  test("signing out ends the other tabs", async () => {
    await b.signIn(page, "hadi");
    const other = await b.watched(page.context());
    await other.goto(b.consoleURL);
    await other.getByRole("button", { name: "Keluar" }).click();
    await page.getByText("Sesi Anda telah berakhir").waitFor();
    assert.deepEqual(other.complaints, []);
    await other.close();
  });

  test("hostile text in every field is text", async () => {
    await b.signIn(page, "eko");
    for (let at = 0; at < payloads.length; at += 4) {
      const four = payloads.slice(at, at + 4).map((payload) => ({ payload, citizen: `${payload.slice(0, 200)} ${b.unique("")}`.trim() }));
      for (const { payload, citizen } of four) {
        await b.says(citizen, `petugas ${payload}`);
        await b.says(citizen, payload, { body: { kind: "media", mediaType: "document", fileName: payload } });
      }
      await b.until("all are shown", async () => (await page.locator(".line .media").count()) === four.length);
      const boxes = page.getByRole("textbox");
      for (let box = 0; box < four.length; box++) {
        const payload = await boxes.nth(box).evaluate((one) => one.closest("section").querySelector(".media .said").textContent.trim());
        await boxes.nth(box).fill(payload);
        await boxes.nth(box).press("Enter");
      }
      await b.until("all are answered", async () => (await page.locator('.line.agent [data-state="sent"]').count()) === four.length);
      const shown = await page.locator("[data-conversation]").evaluateAll((columns) =>
        columns.map((one) => ({
          name: one.querySelector("h2").textContent,
          summary: one.querySelector(".summary").textContent,
          said: [...one.querySelectorAll(".line .said")].map((said) => said.textContent.trim()),
          elements: one.querySelectorAll("a, img, iframe, script, style, svg, math, base, object, embed, .transcript form").length,
        })),
      );
      for (const { payload, citizen } of four) {
        const column = shown.find((one) => one.name === citizen);
        assert.ok(column, `${citizen} is shown by name`);
        assert.equal(column.summary, `Warga menulis: petugas ${payload}`);
        assert.equal(column.said.filter((said) => said === payload.trim()).length, 3,
          `as file name, as caption and as the reply: ${payload} in ${JSON.stringify(column.said)}`);
        assert.equal(column.elements, 0);
      }
      await b.closeAll(page);
    }
  });

  test("nothing stands in the way of people with impairments, in both schemes", async () => {
    await page.goto(b.consoleURL);
    await page.getByLabel("Nama petugas").waitFor();
    assert.deepEqual(await b.barriers(page), []);
    const citizen = b.unique("Fajar");
    await b.signIn(page, "fitri");
    await b.says(citizen, "saya ketipu, petugas");
    await b.column(page, citizen).getByRole("textbox").fill("Pak Fajar");
    await b.column(page, citizen).getByText("Draf tersimpan").waitFor();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await b.barriers(page), [], colorScheme);
    }
    await b.cut();
    await page.getByText("Sambungan terputus").waitFor();
    assert.deepEqual(await b.barriers(page), [], "with the red bar");
  });

  test("a page that breaks the policy is caught by these tests", async () => {
    await page.goto(b.consoleURL);
    await page.evaluate(() => {
      const script = document.createElement("script");
      try {
        script.text = "window.loketComplains('ran')";
      } catch {
        // Trusted Types
      }
      document.body.append(script);
      const image = document.createElement("img");
      image.src = "https://evil.example/x.png";
      document.body.append(image);
    });
    await b.until("two refusals are noticed", () => page.complaints.length >= 2);
    assert.ok(page.complaints.every((one) => one.startsWith("policy: ")), page.complaints.join("\n"));
    page.complaints.length = 0;
  });
});
