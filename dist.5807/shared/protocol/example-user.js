/** As anybody sees it. */
export const exampleUser = {
    id: "5f9e2a6c-0c57-4c5e-9a43-3d1b7f0a8e21",
    profile: { display_name: "Ada Lovelace", fields: { company: "Analytical Engines" } },
    pretalx_id: "ABCDEF",
    badges: ["Speaker"],
    inactive: false,
    deleted: false,
};
/** The same user, as it sees itself. */
export const exampleSelf = { ...exampleUser, client_state: { theme: "dark" } };
/** A kiosk, as managers see it. */
export const exampleKiosk = {
    id: "c1d0a9b4-6c0e-4a6f-8a57-9b2f6f1e7d33",
    profile: { display_name: "Entrance" },
    pretalx_id: null,
    badges: [],
    inactive: false,
    deleted: false,
    moderation_state: "",
    token_id: null,
    client_state: {},
    token: "eyJhbGciOiJIUzI1NiJ9.eyJraW9zayI6ImMxZDBhOWI0In0.c2lnbmF0dXJl",
};
//# sourceMappingURL=example-user.js.map