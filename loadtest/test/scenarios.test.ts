/** The scenarios find nothing wrong with a real cluster, and each fault that a proxy puts before it. */
import { randomUUID } from "node:crypto";
import t, { type Test } from "tap";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { type Target, targetOfUrls } from "../cluster.ts";
import { Run } from "../run.ts";
import { runFanOut } from "../scenarios/fan-out.ts";
import { runFetch } from "../scenarios/fetch.ts";
import type { Load } from "../scenarios/load.ts";
import { runLoginStorm } from "../scenarios/login-storm.ts";
import { runUpdates } from "../scenarios/updates.ts";
import { type Faults, type Frame, startFaultyProxy } from "./faulty-proxy.ts";

const progress = () => {};
const world = { world: { id: "w", title: "W" } };

/** The number in a broadcast; null for any other frame. */
const broadcastOf = ([action, user]: Frame): number | null =>
  action === "user.updated" ? user.profile.n : null;

/** The number of an update's answer; the scenario's ids are numbers, others are not its updates. */
const answerOf = ([action, id]: Frame): number | null =>
  action === "success" && typeof id === "number" ? id : null;

t.test("over a real cluster", async (t) => {
  const { gateways } = await startTestCluster(t, { worlds: [world], environment: { FOYER_RATE: "0" } });
  const url = gateways[0]!.world("w");
  const cluster = targetOfUrls([url]);

  /** Promises that `updates` finds broken. The rate is none of this test's business. */
  const updatesBroken = async (t: Test, faults: Faults, graceMs = 500): Promise<string> => {
    const target = await startFaultyProxy(t, url, faults);
    const options = { connections: 8, seconds: 0.5, rate: 50, atOnce: 4, killWorkerAt: undefined };
    const { broken, figures } = await runUpdates(target, { ...options, graceMs, progress });
    t.ok((figures as { sent: number }).sent > 0);
    return broken.filter((promise) => !/a second could be sent/.test(promise)).join("; ");
  };

  /** Promises that a scenario over generators finds broken, and its figures. */
  const brokenIn = async (target: Target, clients: number, work: (load: Load) => Promise<object>) => {
    const run = await Run.start(target, { generators: 0, ops: [], progress });
    try {
      const who = { clients, first: 0, seed: randomUUID(), atOnce: 4 };
      const figures = await work({ run, target, seconds: 0.2, ...who });
      await run.end();
      const { broken } = run.result("s", {}, {});
      return { broken: broken.join("; "), figures };
    } finally {
      await run.end();
    }
  };

  t.test("fetch finds nothing wrong with a cluster that answers", async (t) => {
    const options = { warmUpSeconds: 0.05, rounds: 1, graceMs: 2_000 };
    const fetching = (minRatio: number) =>
      brokenIn(cluster, 10, (load) => runFetch(load, { ...options, minRatio }));
    t.equal((await fetching(0)).broken, "");
    t.match((await fetching(1000)).broken, /below --min-ratio 1000/);
  });

  t.test("fetch finds another user's object, and another command's answer", async (t) => {
    // The third is sent at the beginning by one of four, however busy the machine is.
    const options = { warmUpSeconds: 0, rounds: 1, minRatio: 0, graceMs: 500 };
    const find = async (faults: Faults) =>
      (await brokenIn(await startFaultyProxy(t, url, faults), 4, (load) => runFetch(load, options))).broken;
    const another = (frame: Frame, text: string) =>
      answerOf(frame) === 3 ? [text.replaceAll(frame[2].id, "00000000-0000-4000-8000-000000000000")] : [text];
    t.match(await find({ fromGateway: another }), /another user's object \(1 times\)/);
    const wrongId = (frame: Frame, text: string) =>
      answerOf(frame) === 3 ? [text.replace('["success",3,', '["success",2,')] : [text];
    t.match(
      await find({ fromGateway: wrongId }),
      /never answered.*an answer to nothing under way \(1 times\)/,
    );
  });

  t.test("login-storm counts who got in, and who did not", async (t) => {
    const storm = (load: Load) => runLoginStorm({ ...load, seconds: 30 });
    const { broken, figures } = await brokenIn(cluster, 10, storm);
    t.match({ broken, figures }, { broken: "", figures: { loggedIn: 10 } });
    const nobody = targetOfUrls(["ws://127.0.0.1:1/"]);
    t.match((await brokenIn(nobody, 10, storm)).broken, /nobody got in.*cannot connect.*\(10 times\)/);
  });

  t.test("fanout finds a delivery that never comes", async (t) => {
    let dropped = false;
    const once: Faults = {
      fromGateway(frame, text) {
        if (broadcastOf(frame) === null || dropped) return [text];
        dropped = true;
        return [];
      },
    };
    const options = { tabs: 2, rate: 20, graceMs: 500 };
    const target = await startFaultyProxy(t, url, once);
    const { broken } = await brokenIn(target, 4, (load) => runFanOut(load, options));
    t.equal(broken, "delivery: never came (1 times)");
  });

  t.test("updates finds nothing wrong where nothing is", async (t) => {
    t.equal(await updatesBroken(t, {}, 10_000), "");
  });

  t.test("updates finds a broadcast that is doubled, dropped, late or in the wrong hands", async (t) => {
    const second = (instead: (text: string) => string[]): Faults => ({
      fromGateway: (frame, text) => (broadcastOf(frame) === 2 ? instead(text) : [text]),
    });
    t.match(
      await updatesBroken(
        t,
        second((text) => [text, text]),
      ),
      /came twice for one update/,
    );
    t.match(
      await updatesBroken(
        t,
        second(() => []),
      ),
      /user\.updated never came/,
    );
    const swapped: Faults = {
      fromGateway(frame, text, { held }) {
        if (broadcastOf(frame) !== 2) return [text, ...held.splice(0)];
        held.push(text);
        return [];
      },
    };
    t.match(await updatesBroken(t, swapped), /an older state came after a newer one/);
    const toAll = (isMeant: (mine: boolean) => boolean): Faults => ({
      fromGateway(frame, text, passage) {
        if (broadcastOf(frame) === null) return [text];
        for (const other of passage.all) {
          if (other !== passage && isMeant(other.user === passage.user)) other.toClient(text);
        }
        return [text];
      },
    });
    t.match(
      await updatesBroken(
        t,
        toAll((mine) => mine),
      ),
      /came to the connection that caused it/,
    );
    t.match(
      await updatesBroken(
        t,
        toAll((mine) => !mine),
      ),
      /came to another user/,
    );
  });

  t.test("updates finds an answer that is dropped, doubled or swapped for server.timeout", async (t) => {
    const once = (instead: (frame: Frame, text: string) => string[]): Faults => {
      let isOver = false;
      return {
        fromGateway(frame, text) {
          if (isOver || answerOf(frame) !== 2) return [text];
          isOver = true;
          return instead(frame, text);
        },
      };
    };
    t.match(
      await updatesBroken(
        t,
        once(() => []),
      ),
      /an update was never answered/,
    );
    t.match(
      await updatesBroken(
        t,
        once((_frame, text) => [text, text]),
      ),
      /an answer to no command under way/,
    );
    const timeout = ([, id]: Frame) => [JSON.stringify(["error", id, { code: "server.timeout" }])];
    t.match(await updatesBroken(t, once(timeout)), /answered with server\.timeout \(1 times\)/);
  });

  t.test("updates finds an update that was acknowledged and never stored", async (t) => {
    const forgetful: Faults = {
      fromClient([action, id], text, passage) {
        if (action !== "user.update" || id === 1) return [text];
        passage.toClient(JSON.stringify(["success", id, {}]));
        return [];
      },
    };
    t.match(await updatesBroken(t, forgetful), /an acknowledged update was lost/);
  });

  t.test("a worker of somebody else's cluster is never killed", async (t) => {
    const options = { connections: 2, seconds: 2, rate: 1, atOnce: 1, graceMs: 300, killWorkerAt: 1 };
    await t.rejects(
      runUpdates(cluster, { ...options, progress }),
      /kills only workers of a cluster that this/,
    );
  });
});
