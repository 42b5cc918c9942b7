import { userAdminUpdate } from "./user-admin-update.js";
import { userBlock, userListBlocked, userUnblock } from "./user-blocks.js";
import { userFetch } from "./user-fetch.js";
import { userKioskCreate, userKioskFetch } from "./user-kiosk.js";
import { userList } from "./user-list.js";
import { userBan, userDelete, userReactivate, userSilence } from "./user-moderation.js";
import { userOnlineStatus } from "./user-online-status.js";
import { userListSearch } from "./user-search.js";
import { userSocialConnect } from "./user-social.js";
import { userUpdate } from "./user-update.js";
export const handlers = {
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
//# sourceMappingURL=handlers.js.map