const names = {
    "gateway.world": true,
    "gateway.resync": true,
    "gateway.world_updated": true,
    "gateway.social_start": true,
    "gateway.social_callback": true,
    "gateway.cut_off": true,
};
/** Whether it is one. */
export function isGatewayCommand(name) {
    return Object.hasOwn(names, name);
}
//# sourceMappingURL=gateway-commands.js.map