/** The short variant of `npm run bans`, over a test's own stores. */
import t from "tap";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { runBans } from "../bans/bans.ts";
import { bansWorld } from "../bans/world.ts";

t.test(
  "a ban is absolute, 50 times over, and with a gateway that is stopped or has lost Redis",
  async (t) => {
    const environment = { FOYER_RATE: "0", FOYER_MAX_FAILED_LOGINS_PER_IP: "0" };
    const stage = await startTestCluster(t, { gateways: 0, workers: 0, worlds: [bansWorld], environment });
    const { broken, figures } = await runBans(stage, { trials: 50, others: 3, progress: t.comment });
    t.strictSame(broken, []);
    t.ok((figures as { effects: number }).effects > 50);
  },
);
