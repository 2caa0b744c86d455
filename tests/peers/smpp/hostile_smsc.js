// An SMSC on loopback that behaves as its script says, and tells on stdout, one JSON object a line, what it saw.
//
//   node hostile_smsc.js '{"binds": ["refuse", "ok"], "submits": ["throttle", "ok"], "receipt": "delivered"}'
//
// `binds` and `submits` say what to do with the first, the second and so on; the last one is repeated.
'use strict';
const fs = require('fs');
const smpp = require('smpp');

const script = Object.assign(
  { binds: ['ok'], submits: ['ok'], receipt: 'none', enquire: 'answer', after_bind: 'nothing', password: 'secret' },
  JSON.parse(process.argv[2] || '{}'));
let bound = 0;
let submitted = 0;
let taken = 0;
const held = [];

const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');
const nth = (list, number) => list[Math.min(number, list.length - 1)];
const header = (length, command, status, sequence) => {
  const bytes = Buffer.alloc(16);
  [length, command, status, sequence].forEach((value, at) => bytes.writeUInt32BE(value >>> 0, 4 * at));
  return bytes;
};
const receiptText = (id, stat) =>
  `id:${id} sub:001 dlvrd:001 submit date:261122080000 done date:261122080100 stat:${stat} err:000 text:x`;

function deliver(session, pdu, id, stat) {
  session.deliver_sm({
    source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4,
    short_message: receiptText(id, stat),
  }, answer => tell('delivered', { status: answer.command_status }));
}

function receipt(session, pdu, id, early) {
  switch (script.receipt) {
    case 'delivered': if (!early) deliver(session, pdu, id, 'DELIVRD'); break;
    case 'failed': if (!early) deliver(session, pdu, id, 'UNDELIV'); break;
    case 'repeated': if (!early) for (let i = 0; i < 3; i++) deliver(session, pdu, id, 'DELIVRD'); break;
    case 'early': if (early) deliver(session, pdu, id, 'DELIVRD'); break;
    case 'foreign': if (!early) deliver(session, pdu, 'nobody-' + id, 'DELIVRD'); break;
    case 'enroute-then-delivered':
      if (!early) { deliver(session, pdu, id, 'ENROUTE'); deliver(session, pdu, id, 'DELIVRD'); }
      break;
    case 'reordered': // those of several messages, last one first
      if (!early) {
        held.unshift(() => deliver(session, pdu, id, 'DELIVRD'));
        if (held.length === 3) held.splice(0).forEach(send => send());
      }
      break;
    case 'decimal': if (!early) deliver(session, pdu, String(parseInt(id, 16)), 'DELIVRD'); break;
    case 'malformed':
      if (!early) {
        session.socket.write(Buffer.concat([header(18, 5, 0, 900), Buffer.from([0, 1])]));
        deliver(session, pdu, id, 'DELIVRD');
      }
      break;
  }
}

function submit(session, pdu) {
  const what = nth(script.submits, submitted++);
  const text = pdu.short_message.message;
  tell('submit', {
    what, to: pdu.destination_addr, ton: pdu.dest_addr_ton, npi: pdu.dest_addr_npi, from: pdu.source_addr,
    from_ton: pdu.source_addr_ton, text: Buffer.isBuffer(text) ? text.toString('latin1') : text,
    coding: pdu.data_coding, receipt: pdu.registered_delivery, validity: pdu.validity_period,
  });
  const socket = session.socket;
  switch (what) {
    case 'ok': {
      // Hexadecimal, as many SMSCs answer.
      const id = (0xabc000 + ++taken).toString(16);
      receipt(session, pdu, id, true);
      session.send(pdu.response({ message_id: id }));
      receipt(session, pdu, id, false);
      break;
    }
    case 'throttle': session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED })); break;
    case 'queue-full': session.send(pdu.response({ command_status: smpp.ESME_RMSGQFUL })); break;
    case 'reject': session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR })); break;
    case 'vendor': socket.write(header(16, 0x80000004, 0x0400, pdu.sequence_number)); break;
    case 'nack': socket.write(header(16, 0x80000000, 3, pdu.sequence_number)); break;
    case 'silence': break;
    case 'hold': held.push(() => session.send(pdu.response({ message_id: 'held' }))); break;
    case 'release': // answers what was held, in the opposite order, and this one last
      held.reverse().forEach(send => send());
      session.send(pdu.response({ message_id: 'last' }));
      break;
    case 'wrong-sequence':
      session.send(new smpp.PDU('submit_sm_resp', { sequence_number: pdu.sequence_number + 77, message_id: 'x' }));
      session.send(pdu.response({ message_id: 'y' }));
      break;
    case 'twice':
      session.send(pdu.response({ message_id: 'z' }));
      session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
      break;
    case 'close': socket.destroy(); break;
    case 'close-mid-pdu':
      socket.end(header(40, 0x80000004, 0, pdu.sequence_number));
      break;
    case 'lying-long': socket.write(header(0x7fffffff, 0x80000004, 0, pdu.sequence_number)); break;
    case 'lying-short': socket.write(header(5, 0x80000004, 0, pdu.sequence_number)); break;
    case 'garbage': socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')); break;
    case 'unknown-request': // asks for what no client offers, then behaves
      socket.write(header(16, 0x00000103, 0, 901));
      session.send(pdu.response({ message_id: 'v' }));
      break;
    default: throw new Error('no such behaviour: ' + what);
  }
}

function bind(session, pdu) {
  const what = nth(script.binds, bound++);
  tell('bind', { what, system_id: pdu.system_id, version: pdu.interface_version });
  if (what === 'silence') return;
  if (what === 'close') { session.socket.destroy(); return; }
  if (what === 'refuse' || pdu.password !== script.password) {
    session.send(pdu.response({ command_status: smpp.ESME_RBINDFAIL }));
    return;
  }
  session.send(pdu.response({ system_id: 'hostile' }));
  if (what === 'ok-then-close') session.socket.end();
  if (what === 'ok-then-unbind') session.unbind();
  if (script.after_bind === 'mobile-originated') {
    session.deliver_sm({ source_addr: '447700900999', destination_addr: 'Sayso', short_message: 'STOP' },
      answer => tell('delivered', { status: answer.command_status }));
  }
  if (script.after_bind === 'enquire') session.enquire_link(answer => tell('alive', { status: answer.command_status }));
}

function serve(session) {
  session.on('error', error => tell('error', { code: error.code || error.message }));
  session.on('close', () => tell('closed'));
  session.on('bind_transceiver', pdu => bind(session, pdu));
  session.on('submit_sm', pdu => submit(session, pdu));
  session.on('generic_nack', pdu => tell('nack', { status: pdu.command_status, sequence: pdu.sequence_number }));
  session.on('deliver_sm_resp', pdu => tell('answered', { status: pdu.command_status, sequence: pdu.sequence_number }));
  session.on('enquire_link', pdu => {
    tell('enquire');
    if (script.enquire === 'answer') session.send(pdu.response());
  });
  session.on('unbind', pdu => { tell('unbind'); session.send(pdu.response()); session.close(); });
}

const options = script.tls ? { cert: fs.readFileSync(script.tls.cert), key: fs.readFileSync(script.tls.key) } : {};
const server = smpp.createServer(options, serve);
server.on('error', error => tell('error', { code: error.code || error.message }));
server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }));
// The test that started it holds the other end of stdin: when it is gone, so is this.
process.stdin.resume().on('end', () => process.exit(0));
