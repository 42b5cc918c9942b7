/**
 * Takes the steps of the Dockerfile without a container engine: each stage is a folder, and its commands are run for
 * real. Only the base image is not there: node and npm are those of the test.
 */
import { execFile } from "node:child_process";
import { copyFileSync, cpSync, existsSync, linkSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, sep } from "node:path";
import { promisify } from "node:util";
import { inherited } from "../../shared/testing/node.ts";
import { readDockerfile, readDockerignore, readPairs, type Stage } from "./dockerfile.ts";

const run = promisify(execFile);
const MAX_OUTPUT = 16 * 1024 * 1024;

/** What a container would be started from. */
export interface BuiltImage {
  /** The folder that is its root. */
  root: string;
  environment: Record<string, string>;
  user: string;
  entrypoint: string[];
  healthcheck: string[];
}

interface Build {
  /** The checkout. */
  source: string;
  /** An empty folder. */
  scratch: string;
  isSent: (path: string) => boolean;
}

/** Builds the last stage and those that it copies from. */
export async function buildImage(source: string, scratch: string): Promise<BuiltImage> {
  const { stages } = readDockerfile(readFileSync(join(source, "deploy/Dockerfile"), "utf8"));
  const isSent = readDockerignore(readFileSync(join(source, ".dockerignore"), "utf8"));
  for (const stage of stages) await buildStage({ source, scratch, isSent }, stage);
  const last = stages.at(-1)!;
  const of = (name: string) => last.steps.find((step) => step.name === name)?.text ?? "";
  return {
    root: join(scratch, last.name),
    environment: Object.assign({}, ...last.steps.filter(isEnv).map(({ text }) => readPairs(text))),
    user: of("USER"),
    entrypoint: JSON.parse(of("ENTRYPOINT")),
    healthcheck: JSON.parse(/CMD (.*)$/.exec(of("HEALTHCHECK"))?.[1] ?? "[]"),
  };
}

const isEnv = ({ name }: { name: string }) => name === "ENV";

async function buildStage(build: Build, stage: Stage): Promise<void> {
  const root = join(build.scratch, stage.name);
  let cwd = root;
  for (const { name, flags, text } of stage.steps) {
    if (name === "WORKDIR") {
      cwd = join(root, text);
      mkdirSync(cwd, { recursive: true });
    } else if (name === "COPY") copy(build, flags.from, text.split(" "), cwd);
    else if (name === "RUN") await runStep(build, text, cwd);
  }
}

function copy({ source, scratch, isSent }: Build, from: string | undefined, paths: string[], cwd: string) {
  const target = paths.pop()!;
  for (const path of paths) {
    const at = from === undefined ? join(source, path) : join(scratch, from, path);
    if (!existsSync(at)) throw new Error(`COPY ${path}: there is none${from ? ` in stage ${from}` : ""}`);
    const to = target.endsWith("/") ? join(cwd, target, path.split("/").at(-1)!) : join(cwd, target);
    cpSync(at, to, {
      recursive: true,
      // A link in the image stays one.
      verbatimSymlinks: true,
      // A folder that is not sent may hold some that are: only what is no folder is asked about.
      filter: (file) => from !== undefined || file === at || isSent(relativeTo(source, file)),
    });
    if (from === undefined && !isSent(path)) throw new Error(`COPY ${path}: .dockerignore keeps it back`);
  }
}

const relativeTo = (source: string, file: string) =>
  file
    .slice(source.length)
    .replace(/^[/\\]/, "")
    .split(sep)
    .join("/");

async function runStep({ source }: Build, command: string, cwd: string): Promise<void> {
  if (/^npm ci /.test(command) && !command.includes("--omit=dev")) {
    // What the checkout was made ready with: the same lock file, the same command.
    symlinkSync(join(source, "node_modules"), join(cwd, "node_modules"));
    return;
  }
  // What was fetched once for the checkout is not fetched again.
  const env = { ...inherited(), npm_config_prefer_offline: "true" };
  await run("sh", ["-c", command], { cwd, env, maxBuffer: MAX_OUTPUT });
}

/** Puts the test's Node where the base image has it. */
export function addNode(root: string): string {
  const folder = join(root, "usr/local/bin");
  const node = join(folder, "node");
  mkdirSync(folder, { recursive: true });
  try {
    linkSync(process.execPath, node);
  } catch {
    // On another file system.
    copyFileSync(process.execPath, node);
  }
  return node;
}
