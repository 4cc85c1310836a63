// What the tests are told: tests/acceptance/console.rs starts the servers and says where everything is.
export const setting = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: \`tests/run console::\` does it`);
  return value;
};

// A server that runs the demo, and one that wants a token.
export const server = setting("HEADWATER_URL").replace(/\/$/, "");
export const securedServer = setting("HEADWATER_SECURED_URL").replace(/\/$/, "");
export const token = setting("HEADWATER_TOKEN");
