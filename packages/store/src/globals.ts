/// <reference lib="esnext.disposable" preserve="true" />

// The globals of the runtime that published types name. An application declares them itself, by `@types/node` or by `lib: ["DOM"]`, and
// TypeScript merges these declarations with its own. Without both, Holdfast's types still compile: they must not need Node's.
declare global {
  interface AbortSignal {
    readonly aborted: boolean;
  }
  interface URL {
    href: string;
  }
  interface URLSearchParams {
    get(name: string): string | null;
  }
}

export {};
