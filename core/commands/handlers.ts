/** Binds a handler to every command of the table; one that is missing does not compile. */
import type { CommandBody, CommandName, commands } from "../../shared/protocol/commands.ts";
import type { AccountRead, ReadCommand, WriteCommand } from "./context.ts";
import { userAdminUpdate } from "./user-admin-update.ts";
import { userBlock, userListBlocked, userUnblock } from "./user-blocks.ts";
import { userFetch } from "./user-fetch.ts";
import { userKioskCreate, userKioskFetch } from "./user-kiosk.ts";
import { userList } from "./user-list.ts";
import { userBan, userDelete, userReactivate, userSilence } from "./user-moderation.ts";
import { userOnlineStatus } from "./user-online-status.ts";
import { userListSearch } from "./user-search.ts";
import { userSocialConnect } from "./user-social.ts";
import { userUpdate } from "./user-update.ts";

type Handlers = {
  readonly [N in CommandName]: (typeof commands)[N]["writes"] extends true
    ? WriteCommand<CommandBody<N>>
    : ReadCommand<CommandBody<N>> | AccountRead<CommandBody<N>>;
};

export const handlers: Handlers = {
  "user.fetch": userFetch,
  "user.list": userList,
  "user.social.connect": userSocialConnect,
  "user.update": userUpdate,
  "user.ban": userBan,
  "user.silence": userSilence,
  "user.reactivate": userReactivate,
  "user.delete": userDelete,
  "user.admin.update": userAdminUpdate,
  "user.kiosk.create": userKioskCreate,
  "user.kiosk.fetch": userKioskFetch,
  "user.list.search": userListSearch,
  "user.list.blocked": userListBlocked,
  "user.block": userBlock,
  "user.unblock": userUnblock,
  "user.online_status": userOnlineStatus,
};
