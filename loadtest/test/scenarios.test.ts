import t, { type Test } from "tap";
import { runFetch } from "../scenarios/fetch.ts";
import { runLogins } from "../scenarios/logins.ts";
import { runUpdates } from "../scenarios/updates.ts";
import { type Faults, startFakeGateway } from "./fake-gateway.ts";

const progress = () => {};

/** Promises that `updates` finds broken with these faults. The rate is none of this test's business. */
async function updatesBroken(t: Test, faults: Faults): Promise<string> {
  const target = await startFakeGateway(t, faults);
  const options = {
    connections: 8,
    seconds: 0.5,
    rate: 50,
    atOnce: 4,
    graceMs: 300,
    killWorkerAt: undefined,
  };
  const { broken, figures } = await runUpdates(target, { ...options, progress });
  t.ok((figures as { sent: number }).sent > 0);
  return broken.filter((promise) => !/a second could be sent/.test(promise)).join("; ");
}

t.test("fetch finds nothing wrong with a server that answers", async (t) => {
  const target = await startFakeGateway(t);
  const options = { connections: 10, seconds: 0.2, warmUpSeconds: 0.05, rounds: 1, atOnce: 5, progress };
  t.strictSame((await runFetch(target, { ...options, minRatio: 0 })).broken, []);
  t.match((await runFetch(target, { ...options, minRatio: 1000 })).broken, [/below --min-ratio 1000/]);
});

t.test("logins counts who got in, and who did not", async (t) => {
  const target = await startFakeGateway(t);
  const options = { connections: 10, seconds: 10, atOnce: 3, progress };
  t.match(await runLogins(target, options), { figures: { loggedIn: 10 }, broken: [] });
  const nobody = { ...target, urls: ["ws://127.0.0.1:1/"] };
  t.match((await runLogins(nobody, options)).broken, [/cannot connect.*\(10 times\)/, "nobody got in"]);
});

t.test("updates", async (t) => {
  t.equal(await updatesBroken(t, {}), "", "a good server breaks nothing");
  t.match(await updatesBroken(t, { broadcasts: (n) => (n === 2 ? 2 : 1) }), /came twice for one update/);
  t.match(await updatesBroken(t, { broadcasts: (n) => (n === 2 ? 0 : 1) }), /user.updated never came/);
  t.match(await updatesBroken(t, { echoToSender: true }), /came to the connection that caused it/);
  t.match(await updatesBroken(t, { forget: (n) => n > 1 }), /an acknowledged update was lost/);
  let timeouts = 0;
  const timeoutOnce = () => (timeouts++ === 3 ? "server.timeout" : "success");
  t.match(await updatesBroken(t, { answer: timeoutOnce }), /answered with server\.timeout \(1 times\)/);
});

t.test("a worker of somebody else's cluster is never killed", async (t) => {
  const target = await startFakeGateway(t);
  const options = { connections: 2, seconds: 2, rate: 1, atOnce: 1, graceMs: 300, killWorkerAt: 1, progress };
  await t.rejects(runUpdates(target, options), /kills only workers of a cluster that this run starts/);
});
