/** Binds a handler to every command of the table; one that is missing does not compile. */
import type { CommandBody, CommandName, commands } from "../../shared/protocol/commands.ts";
import type { ReadCommand, WriteCommand } from "./context.ts";
import { userBlock, userListBlocked, userUnblock } from "./user-blocks.ts";
import { userFetch } from "./user-fetch.ts";
import { userOnlineStatus } from "./user-online-status.ts";
import { userListSearch } from "./user-search.ts";
import { userUpdate } from "./user-update.ts";

type Handlers = {
  readonly [N in CommandName]: (typeof commands)[N]["writes"] extends true
    ? WriteCommand<CommandBody<N>>
    : ReadCommand<CommandBody<N>>;
};

export const handlers: Handlers = {
  "user.fetch": userFetch,
  "user.update": userUpdate,
  "user.list.search": userListSearch,
  "user.list.blocked": userListBlocked,
  "user.block": userBlock,
  "user.unblock": userUnblock,
  "user.online_status": userOnlineStatus,
};
