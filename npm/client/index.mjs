export { CcsyncError, createClient, push } from "./index.js";
