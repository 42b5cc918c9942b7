/**
 * What deploy/Dockerfile makes works: its steps taken for real, then its nodes started by another user, in a tree
 * that nobody may write to, with nothing on the PATH but node.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import t, { type Test } from "tap";
import { listMigrations } from "../../core/migrate.ts";
import { settingRows } from "../../shared/settings.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { startGatewayNode, startWorkerNode, type TestNode } from "../../shared/testing/node.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { readDockerfile } from "./dockerfile.ts";
import { addNode, type BuiltImage, buildImage } from "./image-build.ts";

const source = fileURLToPath(new URL("../../", import.meta.url));
const { args, stages } = readDockerfile(readFileSync(join(source, "deploy/Dockerfile"), "utf8"));
const last = stages.at(-1)!;
const stepsCalled = (name: string) => last.steps.filter((step) => step.name === name);

t.test("the image's base is one argument, pinned by its digest", async (t) => {
  t.match(args.get("NODE_IMAGE"), /^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
  t.strictSame(new Set(stages.map(({ base }) => base)), new Set([args.get("NODE_IMAGE")]));
});

t.test(
  "the last stage runs nothing, and starts node without a shell as a user who is not root",
  async (t) => {
    t.strictSame(stepsCalled("RUN"), []);
    t.strictSame(JSON.parse(stepsCalled("ENTRYPOINT")[0]!.text).slice(0, 1), ["node"]);
    t.match(stepsCalled("HEALTHCHECK")[0]!.text, /CMD \["node", /);
    t.match(stepsCalled("USER")[0]!.text, /^[1-9]\d*:[1-9]\d*$/);
    const { FOYER_PORT, FOYER_OPS_PORT } = settingRows;
    t.equal(stepsCalled("EXPOSE")[0]!.text, `${FOYER_PORT.default} ${FOYER_OPS_PORT.default}`);
  },
);

t.test("built by its steps", async (t) => {
  const scratch = temporaryFolder(t);
  const image = await buildImage(source, scratch);
  const node = addNode(image.root);
  makeReadOnly(image.root);
  const at = (path: string) => join(image.root, path);

  t.test("it holds what runs, and no sources, tests or development dependencies", async (t) => {
    t.strictSame(readdirSync(at("app")).sort(), ["deploy", "dist", "node_modules", "package.json"]);
    const files = readdirSync(at("app/dist"), { recursive: true, encoding: "utf8" });
    t.strictSame(
      files.filter((file) => /\.ts$|(^|\/)(test|testing|alerts|bench|chaos|loadtest)\//.test(file)),
      [],
    );
    const { dependencies, devDependencies } = JSON.parse(readFileSync(at("app/package.json"), "utf8"));
    for (const name of Object.keys(dependencies)) t.ok(existsSync(at(`app/node_modules/${name}`)), name);
    for (const name of Object.keys(devDependencies))
      t.notOk(existsSync(at(`app/node_modules/${name}`)), name);
    const binaries = readdirSync(at("app/node_modules/uWebSockets.js")).filter((file) =>
      file.endsWith(".node"),
    );
    t.equal(binaries.length, 1, "uWebSockets.js for this system alone");
  });

  t.test("nothing in it leads out of it, and the driver is repaired", async (t) => {
    const links = readdirSync(at("app"), { recursive: true, encoding: "utf8" })
      .map((file) => at(`app/${file}`))
      .filter((file) => lstatSync(file).isSymbolicLink());
    t.ok(links.length > 0);
    t.strictSame(
      links.filter((link) => relative(realpathSync(at("app")), realpathSync(link)).startsWith("..")),
      [],
    );
    t.match(readFileSync(at("app/node_modules/postgres/src/connection.js"), "utf8"), /^\/\/ Repaired by/);
    t.equal(realpathSync(at("app/deploy/bin/foyer")), realpathSync(at(image.entrypoint[1]!)));
  });

  t.test("a guest logs in to a cluster that it migrated, filled and runs", async (t) => {
    const { databaseUrl, redisUrl, redisPrefix } = await createTestStores(t);
    await removeSchema(databaseUrl);
    const environment = {
      ...image.environment,
      // In a container there is no home, and no temporary folder that could be written to.
      PATH: dirname(node),
      HOME: "/nonexistent",
      TMPDIR: "/nonexistent",
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      FOYER_REDIS_PREFIX: redisPrefix,
      FOYER_PORT: "0",
      FOYER_OPS_PORT: "0",
      FOYER_DRAIN_SECONDS: "0",
      FOYER_LOG_LEVEL: "error",
    };
    const container = { image, node, environment };
    const migrated = await runIn(container, [...image.entrypoint.slice(1), "migrate"]);
    t.equal(migrated.status, 0, migrated.stderr);
    t.strictSame(
      migrated.stdout.trim().split("\n"),
      listMigrations().map(({ name }) => `applied ${name}`),
    );

    const world = [...image.entrypoint.slice(1), "world", "import", "/app/dist/deploy/worlds/sample.json"];
    const imported = await runIn(container, world);
    t.equal(imported.status, 0, imported.stderr);

    const start = {
      environment,
      program: at(image.entrypoint[1]!),
      runtime: { node, ...userOf(image) },
      onLine: (line: string) => void t.comment(line),
    };
    const nodes = await Promise.all([startWorkerNode(start), startGatewayNode(start)]);
    for (const each of nodes) t.teardown(() => each.stop());
    const [worker, gateway] = nodes;
    const client = await connectClient(gateway.world("sample"));
    const { "user.config": me } = await client.logIn({ client_id: "somebody" });
    const { ok, body } = await client.ask("user.fetch", { id: me.id });
    t.ok(ok);
    t.equal(body.id, me.id);
    client.end();

    const status = await runIn(container, [...image.entrypoint.slice(1), "status"]);
    t.equal(status.status, 0, `${status.stdout}${status.stderr}`);

    for (const each of [worker, gateway]) await checkHealth(t, container, each);
  });
});

/** How something is run in it. */
interface Container {
  image: BuiltImage;
  node: string;
  environment: Record<string, string>;
}

/** The health check says that a node lives, and when it is gone, that it does not. */
async function checkHealth(t: Test, container: Container, { ops, stop }: TestNode): Promise<void> {
  const environment = { ...container.environment, FOYER_OPS_PORT: new URL(ops).port };
  const check = () => runIn({ ...container, environment }, container.image.healthcheck.slice(1));
  const alive = await check();
  t.equal(alive.status, 0, alive.stderr);
  t.equal(await stop(), 0, "it ends by itself");
  const gone = await check();
  t.equal(gone.status, 1);
  t.match(gone.stderr, /not healthy: .+/);
}

/** Runs node in it to the end; paths from its root are found there. */
async function runIn({ image, node, environment }: Container, args: string[]) {
  const child: ChildProcess = spawn(
    node,
    args.map((arg) => (arg.startsWith("/app/") ? join(image.root, arg) : arg)),
    { ...userOf(image), env: environment, cwd: join(image.root, "app"), stdio: ["ignore", "pipe", "pipe"] },
  );
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]!.on("data", (text: Buffer) => {
      written[name] += text.toString();
    });
  }
  const [status] = await once(child, "close");
  return { status, ...written };
}

/** The image's user, where we may become that. */
function userOf({ user }: BuiltImage): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = user.split(":").map(Number);
  return { uid: uid!, gid: gid! };
}

function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "foyer-image-"));
  // Others have to get in.
  chmodSync(folder, 0o755);
  t.teardown(() => {
    for (const path of foldersBelow(folder)) chmodSync(path, 0o755);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Nobody but root may write to it afterwards. */
function makeReadOnly(root: string): void {
  for (const path of [...foldersBelow(root), root]) chmodSync(path, 0o555);
}

function foldersBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function removeSchema(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice() {} });
  try {
    await sql`drop schema public cascade`;
    await sql`create schema public`;
  } finally {
    await sql.end();
  }
}
