#!/usr/bin/env bash
# tus by curl alone, as the guide shows it: create once, then ask for the offset and send the rest.
#     send_curl.sh <origin> <file> <token> <memory>
set -u
origin=$1 file=$2 memory=$4
said=(-sS -H "Authorization: Bearer $3" -H "Tus-Resumable: 1.0.0")
size=$(stat -c %s "$file")
header() { tr -d '\r' | sed -n "s/^$1: //ip"; }

if [ ! -s "$memory" ]; then
  name=$(basename "$file" | tr -d '\n' | base64 -w0)
  type=$(printf audio/flac | base64 -w0)
  curl "${said[@]}" -X POST -D - -o /dev/null -H "Upload-Length: $size" \
    -H "Upload-Metadata: filename $name,filetype $type" "$origin/files/" | header location > "$memory"
fi
address=$(cat "$memory")
while true; do
  offset=$(curl "${said[@]}" --head "$address" | header upload-offset)
  [ "$offset" = "$size" ] && exit 0
  [ -n "$offset" ] && curl "${said[@]}" -X PATCH -T "$file" -C "$offset" -o /dev/null \
    -H "Content-Type: application/offset+octet-stream" -H "Upload-Offset: $offset" "$address"
  sleep 0.2
done
