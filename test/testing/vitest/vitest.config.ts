import { defineConfig } from "vitest/config";

const conditions = ["coppice-source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { include: ["*.fixture.ts"] },
});
