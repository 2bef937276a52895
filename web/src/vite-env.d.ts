/// <reference types="vite/client" />

/** Inner markup of a Lucide icon; see `icons()` in vite.config.ts. */
declare module 'icon:*' {
  const markup: string;
  export default markup;
}
