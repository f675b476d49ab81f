/** The story that the program of examples/trio-tour tells, in virtual time and on the real clock. */
import test from "node:test";
import { checkStories, checkStory } from "./stories.ts";

const nursery = `
  parent: here we go
  parent: starting the first child...
  parent: starting the second child...
  parent: waiting for the children...
    first child: up, and off to sleep for a second
    second child: up, and off to sleep for a second
    first child: awake, and done
    second child: awake, and done
  parent: all have ended
  two sleeps of a second took 1 s
`;

checkStories("trio-tour", { "01-nursery": nursery });

test("trio-tour/01-nursery tells the same story with --real", async () => {
  await checkStory("trio-tour", "01-nursery", nursery, ["--real"]);
});
