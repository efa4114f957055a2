# Shows people what the mail gate found: mail with Congthu-Verdict gets a warning before its subject and on top of its text
# (clause 10.5 of the e-mail regulation). Run it in the Exchange Management Shell (2013 and later) or in Exchange Online PowerShell.
# Running it again replaces its own rules and no others.
#
# This file is UTF-8 with a byte order mark: without it Windows PowerShell reads the Vietnamese as something else.
[CmdletBinding(SupportsShouldProcess)]
param(
    # Takes the rules away again.
    [switch] $Remove
)
$ErrorActionPreference = 'Stop'

$field = 'Congthu-Verdict'
$forged = 'impersonation|sender-authentication'
$warnings = @(
    @{
        Name    = 'Congthu: forged sender'
        Match   = @{ HeaderMatchesMessageHeader = $field; HeaderMatchesPatterns = $forged }
        Subject = '[CẢNH BÁO: có thể giả mạo người gửi] '
        Text    = 'CẢNH BÁO: Thư này có thể giả mạo người gửi. Đề nghị không mở tệp đính kèm, không bấm vào liên kết và không làm theo yêu cầu trong thư trước khi xác minh với người gửi qua kênh khác.<br>WARNING: the sender of this message may be forged. Make sure by another way before you open, click or do anything.'
    }
    @{
        Name    = 'Congthu: warning'
        Match   = @{
            HeaderMatchesMessageHeader         = $field
            HeaderMatchesPatterns              = '\w'
            ExceptIfHeaderMatchesMessageHeader = $field
            ExceptIfHeaderMatchesPatterns      = $forged
        }
        Subject = '[CẢNH BÁO] '
        Text    = 'CẢNH BÁO: Cổng thư phát hiện dấu hiệu cần lưu ý ở thư này. Đề nghị xác minh người gửi trước khi mở tệp đính kèm hoặc bấm vào liên kết.<br>WARNING: the mail gate found something in this message. Make sure who the sender is before you open or click anything.'
    }
)

foreach ($warning in $warnings) {
    $names = $warning.Name + ' (subject)', $warning.Name + ' (text)'
    foreach ($name in $names) {
        if ((Get-TransportRule | Where-Object { $_.Name -eq $name }) -and $PSCmdlet.ShouldProcess($name, 'Remove-TransportRule')) {
            Remove-TransportRule -Identity $name -Confirm:$false
        }
    }
    if ($Remove -or -not $PSCmdlet.ShouldProcess($warning.Name, 'New-TransportRule')) {
        continue
    }
    $match = $warning.Match
    New-TransportRule -Name $names[0] @match -PrependSubject $warning.Subject | Out-Null

    # Text is not put into signed mail, whose signature would no longer be valid, nor into mail that Exchange cannot read.
    $banner = '<div style="border:1px solid #c00;background:#fee;padding:8px;font-family:sans-serif">' + $warning.Text + '</div>'
    New-TransportRule -Name $names[1] @match -ExceptIfMessageTypeMatches Signed -ApplyHtmlDisclaimerText $banner `
        -ApplyHtmlDisclaimerLocation Prepend -ApplyHtmlDisclaimerFallbackAction Ignore | Out-Null
}
