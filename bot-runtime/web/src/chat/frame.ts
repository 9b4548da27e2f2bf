// What the page in the frame says to the widget's script.
export const frameWords = { spoke: "loket:spoke", close: "loket:close" } as const;

export type FrameWord = (typeof frameWords)[keyof typeof frameWords];
