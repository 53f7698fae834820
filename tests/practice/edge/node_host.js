// Runs CloudFront functions for script.py in node: one JSON line in, questions and one result out.
const vm = require('vm');
const lines = require('readline').createInterface({ input: process.stdin });
let context = null;
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');
const call = (text) => vm.runInContext(text, context, { timeout: 1000 });
const finish = () => setImmediate(() => {
  const asked = call('__asked()');
  if (asked !== null) say({ asked });
  else say(JSON.parse(call('__result()')));
});
lines.on('line', (line) => {
  const given = JSON.parse(line);
  try {
    if (given.answer !== undefined) call(`__answer(${JSON.stringify(given.answer)})`);
    else {
      context = vm.createContext({});
      call(given.runtime);
      call(`__clock(${given.now})`);
      call(given.code);
      call(`__start(${JSON.stringify(given.event)})`);
    }
    finish();
  } catch (error) { say({ output: null, error: String(error), logs: [] }); }
});
