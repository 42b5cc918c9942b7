/** The commands of the command line, their options and their help. What each does is in a file of its own. */
import { Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "./duration.ts";
import type { Io } from "./failure.ts";
import { userActions } from "./user-actions.ts";

const HEAD = `Foyer, a realtime account cluster: gateways hold the clients' WebSockets, workers ("core") run their commands.

On this machine, for trying out:
  foyer local                          the whole cluster, Postgres and Redis too
  foyer connect ws://localhost:8375/ws/world/sample
                                       in another terminal: talk to it

As a service, with DATABASE_URL and REDIS_URL set:
  foyer migrate                        once for each version
  foyer world import conference.json   what the cluster serves
  foyer core                           a worker, in the foreground
  foyer gateway                        a gateway, in the foreground`;

const TAIL = `
foyer <command> --help says more about a command, with examples.
foyer --help settings lists the environment variables that set things.

Results are on stdout, everything else on stderr. Exit status: 0 done, 1 failed, 2 wrong usage.`;

const whole = (min: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > 65_535) {
    throw new InvalidArgumentError(`Say a whole number from ${min} to 65535.`);
  }
  return value;
};

const size = (text: string) => {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Say a whole number of 1 or more.");
};

const ratio = (text: string) => {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) >= 1) return Number(text);
  throw new InvalidArgumentError("Say a number of 1 or more: 1.5.");
};

const list = (text: string) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

const examples = (...lines: string[]) => `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;

/**
 * The commands. Nothing of the cluster is loaded before one runs.
 *
 * @param end is told the exit status
 */
export function createProgram(version: string, io: Io, end: (status: number) => void): Command {
  const program = new Command("foyer")
    .description(HEAD)
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print this, or the settings: --help settings")
    .helpCommand("help [command]", "print the help of a command, or the settings: help settings")
    .addHelpText("after", TAIL)
    .showHelpAfterError("(add --help for what it takes)")
    .exitOverride();

  const onStores = (command: Command) =>
    command
      .option("--data <DIR>", "data folder of a foyer local, where no *_URL is set", ".foyer")
      .addHelpText(
        "after",
        "\nThe stores are those of DATABASE_URL and REDIS_URL, else those of the cluster that foyer local runs.",
      );
  const json = () => new Option("--json", "print JSON");
  const expiry = () =>
    new Option("--expires-in <TIME>", "for how long it is valid: 45s, 90m, 12h, 30d")
      .argParser(parseDuration)
      .default(30 * 86_400, "30d");

  program
    .command("gateway")
    .summary("run a gateway in the foreground")
    .description("Runs a gateway: holds the clients' connections. Needs REDIS_URL; SIGTERM drains it.")
    .action(async () => {
      const { runGateway } = await import("../../gateway/main.ts");
      await runGateway(io.environment);
      end(0);
    });
  program
    .command("core")
    .summary("run a worker in the foreground")
    .description("Runs a worker: runs the clients' commands. Needs DATABASE_URL and REDIS_URL.")
    .action(async () => {
      const { runWorker } = await import("../../core/main.ts");
      await runWorker(io.environment);
      end(0);
    });

  program
    .command("local")
    .summary("run the whole cluster on this machine")
    .description(
      "Runs the whole cluster on this machine, with a Postgres and a Redis of its own unless DATABASE_URL and\nREDIS_URL name others. A node that ends is started again. Ctrl-C stops everything.",
    )
    .option("--gateways <COUNT>", "gateways to run", whole(1), 2)
    .option("--workers <COUNT>", "workers to run", whole(1), 2)
    .option("--port <PORT>", "port of the first gateway; the others follow (default: 8375)", whole(0))
    .option("--world <FILE>", "a world file to import (default: the sample conference)")
    .option("--data <DIR>", 'where data stay from one start to the next; "" for a temporary folder', ".foyer")
    .option("--ready-file <FILE>", "written as JSON once the cluster serves, gone when it ends")
    .option("--watch", "build again and restart the nodes when a source is saved")
    .addHelpText(
      "after",
      examples(
        "foyer local",
        "foyer local --gateways 3 --port 9000",
        'foyer local --world my.json --data ""',
      ),
    )
    .action(async ({ port, world, readyFile, watch, ...options }) => {
      const { runLocal } = await import("../local/local.ts");
      const named = { port: port ?? null, world: world ?? null, readyFile: readyFile ?? null };
      end(await runLocal({ ...options, ...named, watch: watch === true }, io.environment));
    });

  onStores(program.command("migrate"))
    .summary("bring the database to this version's schema")
    .description(
      "Brings the database to this version's schema. Safe to run again, and twice at once; nodes may run meanwhile.\nWith --plan it changes nothing and prints what it would apply: each migration, whether the version before can\nrun beside it (expand) or not (contract), and who has to wait for which table meanwhile.",
    )
    .option("--plan", "say what would be applied, and change nothing")
    .addOption(json())
    .addHelpText("after", examples("foyer migrate --plan", "foyer migrate"))
    .action(async (options) => end(await (await import("./migrate.ts")).runMigrate(options, io)));

  const world = program
    .command("world")
    .summary("worlds as files: import, export, list, delete")
    .description("A world is one conference: its rooms, roles and settings, kept as one JSON file.");
  onStores(world.command("import"))
    .summary("put a world in place as its file says")
    .description(
      "Creates a world, or brings one to what the file says: the file is the whole truth of it. Accounts stay.\nConnected users see the change at once.",
    )
    .argument("<FILE>", "JSON; - reads stdin")
    .addOption(json())
    .addHelpText("after", examples("foyer world import conference.json", "foyer world import - < my.json"))
    .action(async (file, options) =>
      end(await (await import("./world.ts")).runWorldImport(file, options, io)),
    );
  onStores(world.command("export"))
    .summary("print the file of a world")
    .description(
      "Prints the file of a world, which imports again to the same. It contains the world's secrets.",
    )
    .argument("<ID>", "of the world")
    .addHelpText("after", examples("foyer world export sample > sample.json"))
    .action(async (id, options) => end(await (await import("./world.ts")).runWorldExport(id, options, io)));
  onStores(world.command("list"))
    .summary("print all worlds")
    .description("Prints all worlds with their numbers of rooms and accounts.")
    .addOption(json())
    .action(async (options) => end(await (await import("./world.ts")).runWorldList(options, io)));
  onStores(world.command("delete"))
    .summary("delete a world with all its accounts")
    .description("Deletes a world with all its accounts. There is no way back but a backup.")
    .argument("<ID>", "of the world")
    .option("--yes", "really")
    .addHelpText("after", examples("foyer world delete old-conference --yes"))
    .action(async (id, options) => end(await (await import("./world.ts")).runWorldDelete(id, options, io)));

  onStores(program.command("token"))
    .summary("print a login token for a person")
    .description(
      "Prints a login token, signed with the world's first key that has a secret, as a ticket system would do it.",
    )
    .requiredOption("--world <ID>", "the world that it is for")
    .requiredOption(
      "--uid <UID>",
      "who the person is to the ticket system; the same again is the same account",
    )
    .option("--traits <LIST>", "traits, comma-separated: roles and badges come from them", list)
    .option("--profile <JSON>", "the profile that the account begins with")
    .option("--pretalx-id <ID>", "the speaker's id in pretalx")
    .addOption(expiry())
    .addHelpText(
      "after",
      examples(
        "foyer token --world sample --uid ada --traits admin",
        `foyer token --world sample --uid bob --profile '{"display_name": "Bob"}' --expires-in 12h`,
      ),
    )
    .action(async (options) => end(await (await import("./token.ts")).runToken(options, io)));
  onStores(program.command("invite"))
    .summary("print an invite to one room for somebody without an account")
    .description(
      "Prints an invite: with it, somebody without a ticket gets into one room and sees nothing else.",
    )
    .requiredOption("--world <ID>", "the world")
    .requiredOption("--room <IMPORT_ID>", "the room, by its id in the world file")
    .addOption(expiry())
    .addHelpText("after", examples("foyer invite --world sample --room workshop-a --expires-in 2d"))
    .action(async (options) => end(await (await import("./invite.ts")).runInvite(options, io)));

  const user = program
    .command("user")
    .summary("an account: show, ban, silence, reactivate, delete, grant, revoke")
    .description("The operator's hand on an account. Workers do it, as they do for a moderator.");
  for (const { action, summary, description } of userActions) {
    const takesRole = action === "grant" || action === "revoke";
    const command = onStores(user.command(action))
      .summary(summary)
      .description(description)
      .requiredOption("--world <ID>", "the world")
      .option("--id <ID>", "the account, by its id")
      .option("--uid <UID>", "the account, by who the person is to the ticket system")
      .option("--client-id <ID>", "the account, by what a guest's browser calls itself");
    if (takesRole) {
      command
        .requiredOption("--role <ROLE>", "a role of the world file, or one that every world has")
        .option("--room <IMPORT_ID>", "in this room alone, by its id in the world file");
    }
    const more = takesRole ? " --role moderator" : "";
    command
      .addOption(json())
      .addHelpText("after", examples(`foyer user ${action} --world sample --uid ada${more}`))
      .action(async (options) => end(await (await import("./user.ts")).runUser(action, options, io)));
  }

  onStores(program.command("reload"))
    .summary("have all clients load their page anew")
    .description(
      "Has all connected clients load their page anew, as after a new version of it, spread evenly over a time so\nthat they don't all come back at once.",
    )
    .option("--world <ID>", "only those of this world")
    .addOption(new Option("--over <TIME>", "the time: 45s, 10m").argParser(parseDuration).default(60, "60s"))
    .addOption(json())
    .addHelpText("after", examples("foyer reload", "foyer reload --world sample --over 10m"))
    .action(async (options) => end(await (await import("./reload.ts")).runReload(options, io)));

  program
    .command("connect")
    .summary("talk to a gateway line by line")
    .description(
      "Logs in, sends each line of stdin as a frame and prints each frame that arrives as a line. When piped input\nhas ended it waits for the answers to all commands and ends; with nothing sent it goes on listening.",
    )
    .argument("<URL>", "ws://host:port/ws/world/ID")
    .option("--client-id <ID>", "come as this guest (default: a new one)")
    .addOption(new Option("--token <TOKEN>", "come as the person of a login token").conflicts("clientId"))
    .option("--invite <TOKEN>", "come in by an invite")
    .option("--listen", "go on listening when stdin has ended")
    .addHelpText(
      "after",
      examples(
        "foyer connect ws://localhost:8375/ws/world/sample",
        `echo '["user.update", 1, {"profile": {"display_name": "Ada"}}]' | foyer connect ws://localhost:8375/ws/world/sample`,
        "foyer connect wss://conf.example/ws/world/main --token $(foyer token --world main --uid ada)",
      ),
    )
    .action(async (url, options) => end(await (await import("./connect.ts")).runConnect(url, options, io)));

  onStores(program.command("status"))
    .summary("say whether the cluster is well")
    .description("Prints which nodes are alive and what waits. Exit status 1 if something is wrong.")
    .addOption(json())
    .addHelpText("after", examples("foyer status", "foyer status --json | jq .problems"))
    .action(async (options) => end(await (await import("./status.ts")).runStatus(options, io)));

  program
    .command("size")
    .summary("say how large a cluster a conference takes")
    .description(
      "Says how many pods, how much memory, which Redis and Postgres a conference takes, from measured costs of a\nconnection, a login and a command. Needs no stores.",
    )
    .requiredOption("--attendees <COUNT>", "people", size)
    .option("--tabs <N>", "connections of each, on the average", ratio, 1)
    .addOption(
      new Option("--arrival <TIME>", "in which all arrive: 90s, 10m")
        .argParser(parseDuration)
        .default(600, "10m"),
    )
    .option("--costs <FILE>", "unit costs that npm run bench -- costs wrote elsewhere")
    .option("--simulate <GATEWAYS>", "have them arrive on so many gateways, second by second", whole(1))
    .addOption(json())
    .addHelpText("after", examples("foyer size --attendees 50000 --tabs 1.5 --arrival 10m"))
    .action(async (options) => end(await (await import("./size.ts")).runSize(options, io)));

  const dead = program
    .command("dead")
    .summary("commands that were given up: list, retry, drop")
    .description(
      "Commands that no worker could finish in 5 deliveries are kept as dead letters, for you to decide.",
    );
  onStores(dead.command("list"))
    .summary("print them")
    .description("Prints the dead letters: what they were about and why they were given up.")
    .argument("[ID...]", "only these")
    .addOption(json())
    .action(async (ids, options) => end(await (await import("./dead.ts")).runDeadList(ids, options, io)));
  onStores(dead.command("retry"))
    .summary("give them to the workers again")
    .description("Gives dead letters to the workers again. What was done already is not done twice.")
    .argument("[ID...]", "those that dead list shows")
    .option("--all", "all of them")
    .addHelpText("after", examples("foyer dead retry 1767225600000-0", "foyer dead retry --all"))
    .action(async (ids, options) => end(await (await import("./dead.ts")).runDeadRetry(ids, options, io)));
  onStores(dead.command("drop"))
    .summary("forget them")
    .description("Forgets dead letters for good.")
    .argument("[ID...]", "those that dead list shows")
    .option("--all", "all of them")
    .action(async (ids, options) => end(await (await import("./dead.ts")).runDeadDrop(ids, options, io)));
  return program;
}
