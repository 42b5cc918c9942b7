/**
 * Trials while one gateway is away: stopped, or without its Redis. The ban is answered once that gateway's lease
 * has run out, and what it does when it comes back is what is tried. Several at once: a lease takes its time.
 */
import { closeCodes } from "../../shared/protocol/close-codes.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import type { Arena } from "./arena.ts";
import type { Outcome } from "./moderator.ts";
import type { Person } from "./person.ts";
import { judgeEnds, judgeFrozen, mayComeLate, meddle, PATIENCE_MS } from "./trial.ts";
import type { Frame } from "./watched-connection.ts";

/** How `far` is put away, and brought back. */
export interface Outage {
  begin(): void;
  end(): void;
  /** Frames that are the gateway's own words: nothing of what others said or did. */
  isOwnWord(frame: Frame): boolean;
}

/** A gateway that is stopped says nothing. */
export function stopping({ far }: Arena): Outage {
  return {
    begin: () => void far.process.kill("SIGSTOP"),
    end: () => void far.process.kill("SIGCONT"),
    isOwnWord: () => false,
  };
}

/** One that has lost Redis answers pings, and says that no worker answers. */
export function ownWords([action, , error]: Frame): boolean {
  return action === "pong" || (action === "error" && error?.code === "server.timeout");
}

/** A list that waits for its next part is given up by the gateway itself when nothing may pass. */
const listCodes = [closeCodes.reload, closeCodes.restart, 1006];

/** @returns what the moderator was told of each */
export async function tryDuring(
  arena: Arena,
  persons: readonly Person[],
  outage: Outage,
): Promise<Outcome[]> {
  const { moderator, near, far } = arena;
  outage.begin();
  const outcomes = await Promise.all(
    persons.map(async (person) => {
      const meddling = meddle(arena, person);
      let judging = Promise.resolve();
      const outcome = await moderator.ask("user.ban", { id: person.id }, () => {
        // Far is away: whatever it had sent before is read long since.
        const lockedOut = person.busy.filter(({ gateway }) => gateway === near);
        judging = judgeFrozen([near], person, () => lockedOut);
        person.answered(outage.isOwnWord, mayComeLate(person, "user.ban"));
        meddling.answered();
      });
      await judging;
      if (outcome.error !== null) meddling.answered();
      await meddling.over;
      return outcome;
    }),
  );
  // Logins that come to a gateway which may pass nothing.
  await Promise.all(persons.map((person) => person.logInMeanwhile()));
  outage.end();
  const isReady = async () => (await fetch(`${far.ops}/readyz`)).ok;
  await waitFor("the gateway to be ready again", isReady, PATIENCE_MS);
  for (const person of persons) await judgeEnds(person, "user.ban", listCodes);
  return outcomes;
}
