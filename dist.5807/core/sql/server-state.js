/** Whether nothing can be written: it is a standby, or told to let nobody write. */
export async function selectIsReadOnly(sql) {
    const [row] = await sql `show transaction_read_only`;
    return row?.transaction_read_only === "on";
}
//# sourceMappingURL=server-state.js.map