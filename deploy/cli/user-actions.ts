/** The help of each `foyer user` command. */
import type { OperatorAction } from "../../shared/protocol/operator-commands.ts";

/** In the order of the help. */
export const userActions: readonly { action: OperatorAction; summary: string; description: string }[] = [
  {
    action: "show",
    summary: "print an account and what happened to it",
    description: "Prints all that is known of an account, where it is connected and its audit log.",
  },
  {
    action: "ban",
    summary: "lock an account out",
    description: "Locks an account out: its connections are closed, and it cannot log in any more.",
  },
  {
    action: "silence",
    summary: "let an account only look on",
    description: "Lets an account only look on. Somebody who is banned stays so.",
  },
  {
    action: "reactivate",
    summary: "lift a ban or a silence",
    description: "Lifts a ban or a silence; logging in works again at once.",
  },
  {
    action: "delete",
    summary: "delete an account",
    description: "Deletes an account: empties its profile and forgets its keys. There is no way back.",
  },
  {
    action: "grant",
    summary: "give an account a role",
    description:
      "Gives an account a role by name, besides what its traits bring. Its clients see it at once.",
  },
  {
    action: "revoke",
    summary: "take a granted role away",
    description: "Takes away a role that was given by foyer user grant. Roles that traits bring stay.",
  },
];
