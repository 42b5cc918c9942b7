/** The scenarios over generators: what each is called, takes and does. */
import { Option } from "commander";
import { wholeNumber } from "../shared/command-line.ts";
import type { Scenario } from "./lead.ts";
import { type LoadOptions, positive } from "./options.ts";
import { runCommands } from "./scenarios/commands.ts";
import { expectedOutcomes, runConference } from "./scenarios/conference.ts";
import { runFanOut } from "./scenarios/fan-out.ts";
import { runFetch } from "./scenarios/fetch.ts";
import { runFlood } from "./scenarios/flood.ts";
import { runIdle } from "./scenarios/idle.ts";
import { runLoginStorm } from "./scenarios/login-storm.ts";

/** One row. */
interface ScenarioRow {
  name: string;
  description: string;
  defaults: Pick<
    Scenario,
    "clients" | "shortClients" | "seconds" | "shortSeconds" | "expected" | "environment"
  >;
  options: Option[];
  /** From what was given on the command line. */
  build(given: LoadOptions): Pick<Scenario, "work">;
}

/** What an option of a scenario's own was given as; its own default where it was left out. */
function given<T>(options: LoadOptions, name: string, usual: T, short: T): T {
  return ((options as unknown as Record<string, T | undefined>)[name] ??
    (options.short ? short : usual)) as T;
}

const option = (flags: string, description: string, parse: (text: string) => unknown = positive) =>
  new Option(flags, description).argParser(parse);

const ANSWER_MS = 12_000;

export const scenarioTable: readonly ScenarioRow[] = [
  {
    name: "fetch",
    description: "user.fetch a second, as a share of what a bare echo server does",
    defaults: { clients: 1000, shortClients: 100, seconds: 10, shortSeconds: 0.5 },
    options: [
      option("--rounds <n>", "turns of each side (default: 3, short: 2)", wholeNumber(1)),
      option("--min-ratio <x>", "least foyer/echo; below, the exit status is 1"),
    ],
    build: (options) => ({
      work: (load) =>
        runFetch(load, {
          rounds: given(options, "rounds", 3, 2),
          minRatio: given(options, "minRatio", 0, 0),
          warmUpSeconds: options.short ? 0.3 : 2,
          graceMs: ANSWER_MS,
        }),
    }),
  },
  {
    name: "login-storm",
    description: "everybody at once into a world of 40 rooms: guests, known people, new people",
    defaults: { clients: 6000, shortClients: 300, seconds: 120, shortSeconds: 10 },
    options: [],
    build: () => ({ work: runLoginStorm }),
  },
  {
    name: "idle",
    description: "tabs that are open and ping: memory and processor of a connection that asks nothing",
    defaults: { clients: 10_000, shortClients: 200, seconds: 60, shortSeconds: 2 },
    options: [],
    build: () => ({ work: runIdle }),
  },
  {
    name: "commands",
    description: "fetches, updates and searches at set rates",
    defaults: { clients: 2000, shortClients: 100, seconds: 60, shortSeconds: 2 },
    options: [
      option("--fetch <n>", "user.fetch a second (default: 1000, short: 100)"),
      option("--update <n>", "user.update a second (default: 100, short: 20)"),
      option("--search <n>", "user.list.search a second (default: 50, short: 10)"),
    ],
    build: (options) => ({
      work: (load) =>
        runCommands(load, {
          fetch: given(options, "fetch", 1000, 100),
          update: given(options, "update", 100, 20),
          search: given(options, "search", 50, 10),
        }),
    }),
  },
  {
    name: "fanout",
    description: "one change to a user's connections on all gateways, many users at once",
    defaults: { clients: 4000, shortClients: 80, seconds: 30, shortSeconds: 2 },
    options: [
      option("--tabs <n>", "connections of one user", wholeNumber(2)),
      option("--rate <n>", "changes a second in total (default: 200, short: 40)"),
    ],
    build: (options) => ({
      work: (load) =>
        runFanOut(load, {
          tabs: given(options, "tabs", 4, 4),
          rate: given(options, "rate", 200, 40),
          graceMs: ANSWER_MS,
        }),
    }),
  },
  {
    name: "conference",
    description: "a whole morning: arrivals, idle tabs, edits, lists, searches, bans, a deploy",
    defaults: {
      clients: 5000,
      shortClients: 200,
      seconds: 180,
      shortSeconds: 10,
      expected: expectedOutcomes,
      environment: { FOYER_DRAIN_SECONDS: "1" },
    },
    options: [
      option("--deploy-command <command>", "what deploys the cluster anew, in the middle", (text) => text),
    ],
    build: (options) => ({
      work: (load) =>
        runConference(load, { deployCommand: given(options, "deployCommand", undefined, undefined) }),
    }),
  },
  {
    name: "flood",
    description: "joins at a steady rate until the slowest in a hundred waits too long; how many were held",
    defaults: { clients: 20_000, shortClients: 400, seconds: 0, shortSeconds: 0 },
    options: [
      option("--rate <n>", "joins a second (default: 200, short: 100)"),
      option("--until-p99 <ms>", "how long is too long (default: 250)"),
    ],
    build: (options) => ({
      work: (load) =>
        runFlood(load, {
          rate: given(options, "rate", 200, 100),
          untilP99Ms: given(options, "untilP99", 250, 250),
        }),
    }),
  },
];
