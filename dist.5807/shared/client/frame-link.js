/** The close code for a link that ended without one. */
const NO_GOODBYE = 1006;
/** Puts a link over a WebSocket; at once after that was made, so that nothing is missed. */
export function linkFrames(socket, events) {
    let mode = "opening";
    let error = "";
    const end = (close) => {
        if (mode === "ended")
            return;
        mode = "ended";
        events.closed(close);
    };
    socket.onopen = () => {
        if (mode !== "opening")
            return;
        mode = "open";
        events.open?.();
    };
    socket.onmessage = ({ data }) => {
        if (mode !== "ended" && typeof data === "string")
            events.text(data);
    };
    // The close comes too, and is what counts; only Node says why here.
    socket.onerror = (event) => {
        error = event.message ?? "";
    };
    socket.onclose = ({ code, reason }) => end({ code, reason: reason || error });
    return {
        send(text) {
            if (mode !== "open")
                return false;
            socket.send(text);
            return true;
        },
        close: (code) => socket.close(code),
        leave(close) {
            end(close);
            socket.close(1000);
        },
        abandon(reason) {
            end({ code: NO_GOODBYE, reason });
            // Without `terminate`, a browser forgets the socket by itself once its goodbye stays unanswered.
            if (socket.terminate)
                socket.terminate();
            else
                socket.close();
        },
    };
}
//# sourceMappingURL=frame-link.js.map