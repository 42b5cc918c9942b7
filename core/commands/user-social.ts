/** `user.social.connect`: a link through the login of a social network. */
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { Refusal } from "../../shared/protocol/errors.ts";
import { isSocialNetwork } from "../../shared/protocol/social.ts";
import { runScript } from "../../shared/redis/lua.ts";
import { isReturnUrl, issueLink } from "../social-link.ts";
import { enabledProvider } from "../social-login.ts";
import { publicUrl } from "../social-provider.ts";
import type { ReadCommand, ReadContext } from "./context.ts";

/** Links a second, and at once: nobody clicks faster, and each takes memory for ten minutes. */
const RATE = 1;
const BURST = 100;

export const userSocialConnect: ReadCommand<CommandBody<"user.social.connect">> = {
  async run(context, { network, return_url: returnUrl }) {
    const { services, world, actor, now } = context;
    if (!isSocialNetwork(network)) throw new Refusal("user.social.unknown");
    if (enabledProvider(services.settings, world, network) === null)
      throw new Refusal("user.social.disabled");
    if (returnUrl == null || returnUrl === "") throw new Refusal("user.social.return_url_required");
    if (!isReturnUrl(world, returnUrl)) throw new Refusal("user.social.return_url_invalid");
    await takeToken(context);
    const token = await issueLink(services, { world: world.id, user: actor.id, network, returnUrl }, now);
    return JSON.stringify({ url: publicUrl(services.settings, `/social/${network}/start?token=${token}`) });
  },
};

async function takeToken({ services: { redis, keys }, world, actor }: ReadContext): Promise<void> {
  const waitMs = Number(
    await runScript(redis, "take-token", keys.socialRate(world.id, actor.id), RATE, BURST),
  );
  if (waitMs > 0) throw new Refusal("protocol.rate_limited", { retry_after_ms: waitMs });
}
