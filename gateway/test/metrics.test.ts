/** Every metric of a gateway moves by what a client counted. The last test knows whether one was forgotten. */
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import t from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient, type Frame } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { startTcpProxy } from "../../shared/testing/tcp-proxy.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { openWorld } from "./worlds.ts";

type Labels = Readonly<Record<string, string>>;

t.test("metrics of a gateway", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [openWorld],
    gateways: 0,
    environment: { FOYER_RATE: "0.001", FOYER_RATE_BURST: "12", FOYER_MAX_CONNECTIONS: "40" },
  });
  const { hostname, port } = new URL(cluster.redisUrl);
  const redis = await startTcpProxy(t, { host: hostname, port: Number(port) });
  const gateway = await cluster.startGateway({
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    FOYER_ORIGINS: "https://app.example",
    FOYER_MAX_SEND_BUFFER_BYTES: "100000",
    FOYER_DRAIN_SECONDS: "30",
  });
  const tested = new Set<string>();
  const value = async (name: string, labels?: Labels) => {
    tested.add(name);
    return (await scrape(gateway.ops)).value(`foyer_gateway_${name}`, labels);
  };
  const becomes = (expected: number, name: string, labels?: Labels) =>
    waitFor(
      `${name} ${JSON.stringify(labels ?? {})} to be ${expected}`,
      async () => (await value(name, labels)) === expected,
    );
  /** Sees counters rise by so much while something is done; histograms count under their name's `_count`. */
  const rises = async (
    expected: [name: string, labels: Labels, by: number][],
    work: () => Promise<unknown>,
  ) => {
    const sample = (name: string) => (name.endsWith("_seconds") ? `${name}_count` : name);
    const before = await scrape(gateway.ops);
    await work();
    for (const [name, labels, by] of expected) {
      tested.add(name);
      const start = before.value(`foyer_gateway_${sample(name)}`, labels);
      await waitFor(`${name} ${JSON.stringify(labels)} to rise by ${by}`, async () => {
        const now = (await scrape(gateway.ops)).value(`foyer_gateway_${sample(name)}`, labels);
        if (now - start > by)
          throw new Error(`${name} ${JSON.stringify(labels)} rose by ${now - start}, not ${by}`);
        return now - start === by;
      });
    }
  };
  const connect = () => connectClient(gateway.world("w"));
  const logIn = async (payload: object = { client_id: randomUUID() }) => {
    const client = await connect();
    return Object.assign(client, { login: await client.logIn(payload) });
  };

  t.test("connections come, log in and go", async (t) => {
    await becomes(0, "connections", { state: "authenticated" });
    const client = await connect();
    await becomes(1, "connections", { state: "authenticating" });
    await client.logIn({ client_id: "one" });
    await becomes(0, "connections", { state: "authenticating" });
    await becomes(1, "connections", { state: "authenticated" });
    await rises([["connections_closed_total", { reason: "lost" }, 1]], async () => client.end());
    await becomes(0, "connections", { state: "authenticated" });
    await rises(
      [
        ["connections_opened_total", {}, 3],
        ["connections_closed_total", { reason: "client" }, 2],
        ["connections_closed_total", { reason: "unacceptable" }, 1],
      ],
      async () => {
        for (const leave of ["close", "close", "binary"]) {
          const client = await connect();
          if (leave === "close") client.socket.close();
          else client.send(Buffer.from([0]));
          await client.closed();
        }
      },
    );
    await rises([["connections_refused_total", { reason: "origin" }, 1]], () =>
      t.rejects(connectClient(gateway.world("w"), { origin: "https://evil.example" }), {
        message: "upgrade refused with 403",
      }),
    );
    t.equal(await value("connections_limit"), 40);
    // When it is, `load.test.ts` tells.
    t.equal(await value("overloaded"), 0);
  });

  t.test("commands and logins by outcome, with the time that they took", async (t) => {
    const client = await connect();
    const method = "guest";
    await rises(
      [
        ["authentications_total", { method, outcome: "success" }, 1],
        ["authentications_total", { method, outcome: "auth.missing_id_or_token" }, 2],
        ["authentications_total", { method: "token", outcome: "auth.invalid_token" }, 1],
        ["authentications_total", { method: "invite", outcome: "auth.missing_token" }, 1],
        ["commands_total", { command: "authenticate", outcome: "success" }, 1],
        ["command_duration_seconds", { command: "authenticate" }, 5],
      ],
      async () => {
        for (const payload of [{}, {}, { token: "no" }]) await client.ask("authenticate", payload);
        await client.ask("authenticate", { client_id: randomUUID(), invite_token: "no" });
        await client.logIn({ client_id: randomUUID() });
      },
    );
    await rises(
      [
        ["commands_total", { command: "user.fetch", outcome: "success" }, 2],
        ["commands_total", { command: "user.fetch", outcome: "user.not_found" }, 1],
        ["commands_total", { command: "unknown", outcome: "user.unsupported_command" }, 1],
        ["command_duration_seconds", { command: "user.fetch" }, 3],
      ],
      async () => {
        for (const payload of [{ ids: [] }, { ids: [] }, { id: randomUUID() }]) {
          await client.ask("user.fetch", payload);
        }
        await client.ask("user.made_up", {});
      },
    );
    client.end();
    t.end();
  });

  t.test("frames and their bytes are those that a client got", async (t) => {
    const payload = { client_id: randomUUID() };
    const writer = await logIn(payload);
    const reader = await logIn(payload);
    let bytes = 0;
    const count = (frame: { toString(): string }) => {
      bytes += Buffer.byteLength(frame.toString());
    };
    for (const { socket } of [writer, reader]) socket.on("message", count);
    const sent = await value("bytes_sent_total");
    await rises(
      [
        ["messages_sent_total", { kind: "answer" }, 2],
        ["messages_sent_total", { kind: "broadcast" }, 1],
        ["messages_sent_total", { kind: "pong" }, 1],
        ["fanout_delay_seconds", {}, 1],
      ],
      async () => {
        await writer.ask("user.update", { profile: { display_name: "Zoë 🎈" } });
        t.match(await reader.take("user.updated"), ["user.updated", { profile: { display_name: "Zoë 🎈" } }]);
        await writer.ask("user.fetch", { ids: [] });
        writer.send(["ping", "é"]);
        await writer.take("pong");
      },
    );
    t.equal((await value("bytes_sent_total")) - sent, bytes);
    for (const client of [writer, reader]) client.end();
  });

  t.test("commands beyond the rate are refused and counted", async () => {
    const client = await connect();
    await rises([["rate_limited_total", {}, 4]], async () => {
      // The login and eleven more are let through.
      const frames: Frame[] = Array.from({ length: 15 }, (_, i) => ["user.fetch", i, { ids: [] }]);
      for (const frame of [["authenticate", { client_id: randomUUID() }], ...frames]) client.send(frame);
      await client.take("authenticated");
      for (const _ of frames) await client.next();
    });
    client.end();
  });

  t.test("a slow reader is counted", async () => {
    const client = await connect();
    await rises(
      [
        ["slow_consumers_total", {}, 1],
        ["connections_closed_total", { reason: "slow" }, 1],
      ],
      async () => {
        client.socket.pause();
        const ping = ["ping", "x".repeat(60_000)];
        const slow = () => value("slow_consumers_total");
        const before = await slow();
        await waitFor("the slow reader to be noticed", async () => {
          for (let i = 0; i < 20; i++) client.send(ping);
          return (await slow()) > before;
        });
        client.socket.resume();
        await client.closed();
      },
    );
  });

  t.test("what is under way, and what of the links works", async (t) => {
    const client = await connect();
    // The first connection of a user has its account compared once its channel is subscribed to.
    await rises([["resyncs_total", {}, 1]], () => client.logIn({ client_id: randomUUID() }));
    await becomes(0, "inflight_commands");
    const worker = cluster.workers[0]!;
    worker.process.kill("SIGSTOP");
    client.send(["user.fetch", 1, { ids: [] }]);
    await becomes(1, "inflight_commands");
    await waitFor("the canary to age", async () => (await value("canary_age_seconds")) > 1.5);
    worker.process.kill("SIGCONT");
    await client.next();
    await becomes(0, "inflight_commands");
    await waitFor("the canary to be young", async () => (await value("canary_age_seconds")) < 1.5);
    await becomes(1, "pubsub_connected");
    // Whoever is connected is compared once the link is back.
    await rises([["resyncs_total", {}, 1]], async () => {
      redis.cut();
      await becomes(0, "pubsub_connected");
      redis.heal();
      await becomes(1, "pubsub_connected");
    });
    client.end();
    t.end();
  });

  t.test("what is none of ours is counted by where it was read", async (t) => {
    const link = new Redis(cluster.redisUrl);
    t.teardown(() => link.disconnect());
    const keys = createKeys(cluster.redisPrefix);
    const user = await logIn();
    const channels = {
      broadcast: keys.userChannel("w", user.login["user.config"].id as string),
      order: keys.gatewayChannel(gateway.id),
      world: keys.worldsChannel(),
      canary: keys.canaryChannel(null),
    };
    for (const [kind, channel] of Object.entries(channels)) {
      await rises([["unreadable_total", { kind }, 1]], () => link.publish(channel, "GARBAGE"));
    }
    for (const [kind, stream] of Object.entries({
      reply: keys.replyStream(gateway.id),
      fence: keys.fences(),
    })) {
      await rises([["unreadable_total", { kind }, 1]], async () => {
        await link.xadd(stream, "*", "e", "GARBAGE");
        await link.publish(keys.fencesChannel(), "");
      });
    }
    user.end();
  });

  t.test("a drain shows", async () => {
    const clients = [await logIn(), await logIn()];
    await becomes(0, "draining");
    gateway.process.kill("SIGTERM");
    await becomes(1, "draining");
    gateway.process.kill("SIGTERM");
    for (const client of clients) await client.closed();
  });

  t.test("what is worth an alert is there at 0 before it happens, else it would not rise", async (t) => {
    const fresh = await scrape((await cluster.startGateway()).ops);
    const begins = (name: string, labels: Labels) => {
      t.equal(fresh.count(`foyer_gateway_${name}`, labels), 1, `${name} ${JSON.stringify(labels)}`);
      t.equal(fresh.value(`foyer_gateway_${name}`, labels), 0);
    };
    for (const command of ["user.update", "user.ban", "authenticate", "unknown"]) {
      for (const outcome of ["success", "server.timeout", "server.overloaded", "server.fatal"]) {
        begins("commands_total", { command, outcome });
      }
      begins("command_duration_seconds_count", { command });
      begins("command_duration_seconds_bucket", { command, le: "1" });
    }
    for (const method of ["token", "invite", "guest"]) {
      for (const outcome of ["success", "auth.invalid_token", "auth.expired_token", "auth.denied"]) {
        begins("authentications_total", { method, outcome });
      }
    }
    for (const reason of ["client", "lost", "slow", "fatal", "policy", "unacceptable", "tooBig"]) {
      begins("connections_closed_total", { reason });
    }
    for (const reason of ["full", "origin"]) begins("connections_refused_total", { reason });
    for (const name of ["slow_consumers_total", "rate_limited_total", "fanout_delay_seconds_count"]) {
      begins(name, {});
    }
  });

  t.test("no metric was forgotten", async (t) => {
    const other = await cluster.startGateway();
    const names = (await scrape(other.ops)).names.filter((name) => name.startsWith("foyer_gateway_"));
    t.strictSame(names.map((name) => name.replace("foyer_gateway_", "")).sort(), [...tested].sort());
  });
});
