/** A connection's request → a command to the workers → its whole answer. */
import type { CommandReport } from "../shared/command-reports.ts";
import type { Command, Reply } from "../shared/envelope.ts";
import type { Logger } from "../shared/log.ts";
import { errorBody } from "../shared/protocol/errors.ts";
import { errorFrame, outcomeOf } from "../shared/protocol/frames.ts";
import { streamOf } from "../shared/redis/keys.ts";
import type { CommandSpan } from "../shared/tracing.ts";
import { addressRange } from "./client-address.ts";
import type { CommandWriter } from "./command-writer.ts";
import type { Connection } from "./connection.ts";
import type { Answer, Request } from "./connection-host.ts";
import { methodOf } from "./metrics.ts";
import type { Failure, PendingCommands } from "./pending-commands.ts";
import { type SharedTexts, sharedHash } from "./shared-texts.ts";

interface ClientCommandsOptions {
  gateway: string;
  streams: number;
  timeoutMs: number;
  pending: PendingCommands;
  writer: CommandWriter;
  texts: SharedTexts;
  log: Logger;
  report: CommandReport;
}

/** @returns runs one request of a connection; gives the command's number, and its answer later, once */
export function createClientCommands(options: ClientCommandsOptions) {
  const { gateway, streams, timeoutMs, pending, writer, texts, log, report } = options;

  return (connection: Connection, request: Request, answered: (answer: Answer) => void): number => {
    const { number, world, user } = connection;
    const fail = (failure: Failure) => {
      if (report !== null) report(commandOf(options, command.command, request, failure));
      answered({ frame: errorFrame(request.id, errorBody(failure)), effect: null, isOwn: true });
    };
    const complete = ({ n, frame, effect, part }: Reply) => {
      if (report !== null && part?.last !== false) {
        report(commandOf(options, command.command, request, outcomeOf(frame)));
      }
      if (effect?.kind === "login_failed") {
        const told = commandOf(options, command.command, request, outcomeOf(frame));
        logFailedLogin(options, connection, request, told);
      }
      if (part !== undefined) {
        if (connection.isClosed) pending.forget(n);
        return answered({ frame: "", effect, part });
      }
      const { sentAt } = command;
      if (typeof frame === "string") return answered({ frame, effect, sentAt });
      const config = sharedHash(frame);
      const whole = texts.assemble(frame);
      if (!(whole instanceof Promise)) return answered({ frame: whole, effect, config, sentAt });
      whole.then(
        (text) => answered({ frame: text, effect, config, sentAt }),
        (error: Error) => {
          // Done it is, but its answer cannot be put together: sent again, it is answered anew.
          log.warn({ commandId: `${gateway}.${n}`, reason: error.message }, "a shared text is missing");
          fail("server.timeout");
        },
      );
    };
    const isLogin = user === null;
    const command = {
      command: {
        n: pending.nextNumber(),
        connection: number,
        world,
        user,
        frame: request.text,
        address: isLogin ? connection.address : null,
        loginVersion: isLogin ? null : connection.loginVersion,
      },
      // An account's commands take one stream, which alone puts them in order.
      stream: streamOf(user ?? `${gateway}:${number}`, streams),
      deadline: request.readAt + timeoutMs,
      maybeSent: false,
      sentAt: Number.POSITIVE_INFINITY,
      answered: complete,
      failed: fail,
    };
    pending.add(command);
    writer.write(command);
    return command.command.n;
  };
}

/** What is told of a command that is answered. Only those that exist get as far as this. */
function commandOf(
  { gateway }: ClientCommandsOptions,
  { n, world }: Command,
  { action, readAt }: Request,
  outcome: string,
): CommandSpan {
  return { commandId: `${gateway}.${n}`, command: action, world, outcome, startedAt: readAt };
}

function logFailedLogin(
  { log }: ClientCommandsOptions,
  { number, address }: Connection,
  request: Request,
  { commandId, world, outcome, startedAt }: CommandSpan,
): void {
  const fields = {
    commandId,
    world,
    method: methodOf(request.text),
    outcome,
    durationMs: Math.round(performance.now() - startedAt),
    addressRange: addressRange(address),
    connection: number,
  };
  log.info(fields, "login failed");
}
