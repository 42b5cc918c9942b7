/** Options of the load test's command line, and how they are read. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { wholeNumber } from "../shared/command-line.ts";

/** Options of all scenarios; each has its own defaults for those that are left out. */
export interface TargetOptions {
  readyFile?: string;
  url?: string[];
  ops?: string[];
  secret?: string;
  issuer: string;
  audience?: string;
  short?: boolean;
  json?: boolean;
}

/** Those of scenarios over generators. */
export interface LoadOptions extends TargetOptions {
  clients?: number;
  seconds?: number;
  atOnce: number;
  generators?: number;
  share: Share;
  seed?: string;
  out?: string;
  html?: string;
  compare?: string;
}

/** The part of a load that one of several places does: the `index`th of `of`. */
export interface Share {
  index: number;
  of: number;
}

/** Any number above 0. */
export const positive = (text: string) => {
  if (Number(text) > 0 && Number.isFinite(Number(text))) return Number(text);
  throw new InvalidArgumentError("It must be a number above 0.");
};

const share = (text: string): Share => {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (index !== undefined && Number(index) < Number(of)) return { index: Number(index), of: Number(of) };
  throw new InvalidArgumentError("It must be INDEX/COUNT, the index from 0: 0/4.");
};

const collect = (text: string, before: string[] = []) => [...before, text];

/** Which cluster, and how it is told what came out. */
export function withTarget(command: Command): Command {
  return command
    .addOption(new Option("--local", "start a cluster for it, the default").conflicts(["url", "readyFile"]))
    .addOption(new Option("--ready-file <file>", 'ready file of a running "foyer local"').conflicts("url"))
    .option("--url <url>", "a gateway's WebSocket URL, world included; may be repeated", collect)
    .option("--ops <url>", "a node's ops address, to see what it takes; may be repeated", collect)
    .option("--secret <secret>", "of the world's key, for logins by token")
    .option("--issuer <issuer>", "of that key", "loadtest")
    .option("--audience <audience>", "of that key (default: load)")
    .option("--short", "fewer clients and seconds: done in less than 15 s")
    .option("--json", "print the figures as JSON");
}

/** How many clients, for how long, from where, and where the report goes. */
export function withLoad(command: Command, clients: number, seconds: number): Command {
  return withClients(withTarget(command), clients, seconds)
    .option("--generators <n>", "processes that make the load (default: half the processors)", wholeNumber(1))
    .option(
      "--share <i/n>",
      "of a load that n places make together do the i-th part, from 0",
      share,
      share("0/1"),
    )
    .option("--seed <text>", "the same people as in another run with it")
    .option("--out <file>", "write all that was found as JSON: for --compare and merge")
    .option("--html <file>", "write a report to look at")
    .option("--compare <file>", "say what differs from what an earlier --out wrote");
}

/** How many clients, and for how long. */
export function withClients(command: Command, clients: number, seconds: number): Command {
  return command
    .option("--clients <n>", `clients in total (default: ${clients})`, wholeNumber(1))
    .addOption(
      new Option("--connections <n>", "the same").argParser(wholeNumber(1)).conflicts("clients").hideHelp(),
    )
    .option("--seconds <n>", `how long (default: ${seconds})`, positive)
    .option("--at-once <n>", "logins under way at once", wholeNumber(1), 100);
}
