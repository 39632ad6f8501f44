// SPDX-License-Identifier: Apache-2.0
// The official JavaScript clients behind one line of JSON each way:
// {"product","version","action","params","key","secret"} in, {"body"} or {"code","status"} out.
// Usage: node client.mjs pop|acs3|typed HOST:PORT PACKAGES

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const [kind, address, packages] = process.argv.slice(2);
const require = createRequire(join(packages, 'package.json'));

// Parameters with dots, as the wire has them: {Tag: [{Key: 'a'}]} is Tag.1.Key=a.
function flat(value, name = '', out = {}) {
  if (Array.isArray(value)) {
    value.forEach((item, at) => flat(item, `${name}.${at + 1}`, out));
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) flat(item, name ? `${name}.${key}` : key, out);
  } else {
    out[name] = String(value);
  }
  return out;
}

// HMAC-SHA1 over the parameters; lists and objects are made flat by the client itself.
async function pop(ask) {
  const Core = require('@alicloud/pop-core');
  const client = new Core.RPCClient({
    accessKeyId: ask.key,
    accessKeySecret: ask.secret,
    endpoint: `http://${address}`,
    apiVersion: ask.version,
  });
  try {
    const options = { method: 'POST', timeout: 20000 };
    return { body: await client.request(ask.action, flat(ask.params), options) };
  } catch (error) {
    return refused(error.data?.Code ?? error.code, error.entry?.response?.statusCode, error);
  }
}

// ACS3-HMAC-SHA256 in a header, as every generated client of today sends it.
async function acs3(ask) {
  const api = require('@alicloud/openapi-client');
  const util = require('@alicloud/tea-util');
  const config = new api.Config({
    accessKeyId: ask.key,
    accessKeySecret: ask.secret,
    endpoint: address,
    protocol: 'HTTP',
    regionId: 'cn-hangzhou',
  });
  const client = new api.default(config);
  const params = new api.Params({
    action: ask.action,
    version: ask.version,
    protocol: 'HTTP',
    pathname: '/',
    method: 'POST',
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  });
  try {
    const request = new api.OpenApiRequest({ query: flat(ask.params) });
    const done = await client.callApi(params, request, new util.RuntimeOptions({}));
    return { body: done.body };
  } catch (error) {
    return refused(error.data?.Code ?? error.code, error.data?.statusCode, error);
  }
}

const GENERATED = {
  '2014-05-26': '@alicloud/ecs20140526',
  '2016-04-28': '@alicloud/vpc20160428',
  '2015-04-01': '@alicloud/sts20150401',
};

// A value of the API as an instance of the generated type; a parameter that the type lacks is an error.
function modelled(type, value) {
  if (type?.type === 'array') return value.map((item) => modelled(type.itemType, item));
  if (typeof type !== 'function') return value;
  const known = Object.entries(type.names());
  const fields = Object.entries(value).map(([wire, item]) => {
    const found = known.find(([, name]) => name === wire);
    if (!found) throw new Error(`${type.name} has no ${wire}`);
    return [found[0], modelled(type.types()[found[0]], item)];
  });
  return new type(Object.fromEntries(fields));
}

// The generated clients: every request and answer goes through the types of its action. Billing
// and quotas, one call each, are asked for without.
async function typed(ask) {
  if (!GENERATED[ask.version]) return acs3(ask);
  const product = require(GENERATED[ask.version]);
  const { $OpenApiUtil } = require('@alicloud/openapi-core');
  const config = new $OpenApiUtil.Config({
    accessKeyId: ask.key,
    accessKeySecret: ask.secret,
    endpoint: address,
    protocol: 'HTTP',
    regionId: 'cn-hangzhou',
  });
  const client = new product.default(config);
  const type = product[`${ask.action}Request`];
  const params = { ...ask.params };
  if (!type || !Object.values(type.names()).includes('RegionId')) delete params.RegionId;
  const method = ask.action[0].toLowerCase() + ask.action.slice(1);
  const given = type ? [modelled(type, params)] : [];
  try {
    return { body: (await client[method](...given)).body.toMap() };
  } catch (error) {
    return refused(error.code, error.statusCode, error);
  }
}

function refused(code, status, error) {
  return { code: code ?? '', status: status ?? 0, message: String(error.message ?? error) };
}

const call = { pop, acs3, typed }[kind];
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await call(JSON.parse(line));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
